// Package store is the contract of Weft's storage: documents as logs of updates,
// chat, the members of rooms, settings, and the outbox of changes that people
// are still to be notified of.
//
// What a method has stored when it returns nil survives kill -9 and power loss.
// The conformance suite is storetest.
package store

import (
	"context"
	"errors"
	"time"
)

// LogID numbers the records of all document logs of one store. IDs only grow,
// and none is given twice.
type LogID int64

// Update is one record for a document's log.
type Update struct {
	Room RoomID
	Data []byte // Yjs update V1; never empty
}

// Doc is a stored document, or a part of one: applying Snapshot and then Log in
// order gives the document. A room that was never written to has neither.
type Doc struct {
	Snapshot []byte   // Yjs update V1, or nil
	Log      [][]byte // updates V1, oldest first, that Snapshot does not hold
	// Through is the id of the last record in Log; if Log is empty, of the last
	// record that Snapshot holds.
	Through LogID
}

// WrittenBytes estimates how many bytes a log has cost on disk: most records had
// a commit to themselves, which writes a page however short the record is.
// bytes is the length of all their data.
func WrittenBytes(records, bytes int) int { return records*pageBytes + bytes }

// pageBytes is the size of a database page.
const pageBytes = 4096

// ErrCorrupt says that the stored bytes of a document fail their checksum, or
// that some of them are missing. The room must not be served as if it were empty.
var ErrCorrupt = errors.New("store: stored document is damaged")

// Store keeps all that a server stores. It is safe for concurrent use.
//
// Every method returns the context's error if the context ends before the
// method has begun to write; nothing is stored then. A write that has begun
// runs to its end.
type Store interface {
	Documents
	Chat
	Outbox
	Members
	Settings

	// Ping proves that the store can be written: it commits a record.
	Ping(ctx context.Context) error
	// Close waits for the writes in progress. A second call returns the error of
	// the first.
	Close() error
}

// Documents is the part of a Store that keeps rooms' documents.
type Documents interface {
	// LoadPart reads a document part by part. after is 0 for the first part, and
	// the Through of the part before for each further one. Each part holds
	//
	//  1. the snapshot, if it is newer than after;
	//  2. the next records, up to max(maxBytes, len(snapshot)) bytes, but at
	//     least one if there is any.
	//
	// more reports whether further parts follow; damage in those is not detected
	// yet. All parts together are the document, with every update that had been
	// acknowledged when the first part was read. If the log is compacted between
	// two reads, the next part has a snapshot, which holds the parts before too.
	//
	// A room that was never written to is an empty Doc. It returns ErrCorrupt for
	// a damaged document.
	LoadPart(ctx context.Context, room RoomID, after LogID, maxBytes int) (part Doc, more bool, err error)
	// AppendUpdates makes the records durable, all or none, in order. It refuses
	// an update without room or data. ErrCorrupt: one of the rooms is damaged.
	AppendUpdates(ctx context.Context, updates []Update) error
	// Compact replaces all records up to and including through, which came from
	// LoadPart, by the snapshot. The caller has verified that the snapshot is not
	// empty and holds no less than it replaces. Records after through stay. If a
	// snapshot through a later record is there already, nothing happens.
	Compact(ctx context.Context, room RoomID, snapshot []byte, through LogID) error
	// LongLogs lists the rooms whose log should be compacted: the log is not
	// empty, it has minRecords records or minBytes bytes of data or more, and its
	// WrittenBytes are no fewer than the snapshot's bytes. Most bytes come first,
	// equal ones by name. It is cheap: it reads no records.
	LongLogs(ctx context.Context, minRecords, minBytes int) ([]RoomID, error)
}

// OutboxEntry is a change of a message that people are still to be notified of.
// It is stored in the same transaction as the change (a "transactional outbox"),
// so a crash between the change and the notifications loses none of them.
type OutboxEntry struct {
	ID   int64
	Kind string // OutboxMessage or OutboxDeleted
	Data []byte // JSON of the Message as the change left it
}

// Kinds of outbox entries. They are stored: never change them.
const (
	OutboxMessage = "message" // posted, or edited to mention further people
	OutboxDeleted = "deleted"
)

// OutboxMode says whether a change of a message leaves an outbox entry.
type OutboxMode int

// Values of OutboxMode.
const (
	NoOutbox   OutboxMode = iota // nobody is notified of the change
	WithOutbox                   // the change leaves an entry, if people are to be notified
)

// Outbox is the part of a Store that keeps outbox entries. Chat adds them.
type Outbox interface {
	// OutboxEntries returns up to limit entries, oldest first.
	OutboxEntries(ctx context.Context, limit int) ([]OutboxEntry, error)
	// DeleteOutboxEntry removes an entry that has been handled. One that is gone
	// is no error.
	DeleteOutboxEntry(ctx context.Context, id int64) error
}

// Members is the part of a Store that keeps the members of rooms: the people who were in
// the room at least once.
type Members interface {
	// TouchMember stores that the user was in the room at that time, under the
	// name in u. A time before the stored one changes nothing. All earlier
	// messages count as read for a new member. It returns the name that was
	// stored before, empty for a new member.
	TouchMember(ctx context.Context, room RoomID, u User, at time.Time) (oldName string, err error)
	// Members lists the members of the room, the latest first, at most 1,000.
	Members(ctx context.Context, room RoomID) ([]User, error)
}

// Settings is the part of a Store that keeps the server's own values: keys,
// secrets, epochs.
type Settings interface {
	// Setting returns the value stored under key. If there is none, it stores and
	// returns what makeValue returns. Concurrent callers all get the same value;
	// further values that were made are dropped. An error of makeValue is
	// returned, and nothing is stored.
	Setting(ctx context.Context, key string, makeValue func() ([]byte, error)) ([]byte, error)
	// PutSetting stores a value under key, or removes the key if value is nil.
	PutSetting(ctx context.Context, key string, value []byte) error
	// Settings returns all values whose keys begin with prefix.
	Settings(ctx context.Context, prefix string) (map[string][]byte, error)
}
