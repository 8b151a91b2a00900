// Package store is the contract of Weft's memory: documents as update logs,
// chat, who has been in a room, settings, and facts waiting to be handled.
//
// What a method has returned nil for survives kill -9 and power loss. The
// conformance suite is storetest.
package store

import (
	"context"
	"errors"
	"time"
)

// LogID orders the records of all document logs of one store. IDs only grow.
type LogID int64

// Update is one record for a document's log.
type Update struct {
	Room RoomID
	Data []byte // Yjs update, V1; never empty
}

// Doc is what is stored of a document, or a part of that: applying Snapshot and
// then Log in order gives the document. A room never written to has neither.
type Doc struct {
	Snapshot []byte   // Yjs update V1, or nil
	Log      [][]byte // updates V1, oldest first, not yet in Snapshot
	// Through is the last record of Log, or the last one folded into Snapshot.
	Through LogID
}

// Weight is about how many bytes went to the disk when a log was written: most
// records have a commit to themselves, which takes a page however short they are.
func Weight(records, bytes int) int { return records*page + bytes }

const page = 4096

// Fact is something that happened and still has to be handled by whoever
// notifies people. It is stored with its cause in one transaction, so that a
// crash between the two loses nothing.
type Fact struct {
	ID   int64
	Kind string // "message", or "deleted"
	Data []byte // JSON of the message, as it is after what happened
}

// Errors of a store.
var (
	// ErrCorrupt says that a document's stored bytes fail their checksum or are
	// not all there. The room must not be served as if it were empty.
	ErrCorrupt = errors.New("store: stored document is damaged")
)

// Store keeps it all. Safe for concurrent use.
type Store interface {
	// LoadPart reads a document part by part: after is 0 for the first, and for
	// each other one the Through of the part before. A part is the snapshot, if it
	// goes beyond after, and of the records that follow the first ones that take no
	// more than most bytes, or than that snapshot if it is larger; at least one if
	// there is any. more says that others follow, whose damage does not show yet.
	// The parts up to one without more are the document with all that had been
	// acknowledged when the first was asked for. If records are folded meanwhile,
	// a later part has a snapshot, which repeats what came before.
	LoadPart(ctx context.Context, room RoomID, after LogID, most int) (part Doc, more bool, err error)
	// AppendUpdates makes the records durable, all or none, in order.
	AppendUpdates(ctx context.Context, updates []Update) error
	// FoldDoc replaces everything up to and including through, which came from
	// LoadPart, by the snapshot. The caller has verified that snapshot holds no
	// less than what it replaces and is not empty. Records after through stay.
	// If a snapshot through a later record is there already, nothing happens.
	FoldDoc(ctx context.Context, room RoomID, snapshot []byte, through LogID) error
	// LongLogs lists rooms whose log has at least so many records, or takes at
	// least so many bytes, and has no less Weight than the snapshot has bytes, and
	// is not empty: most bytes first, then by name. It is cheap.
	LongLogs(ctx context.Context, records, bytes int) ([]RoomID, error)

	Chat

	// Facts returns up to limit facts not yet done, oldest first.
	Facts(ctx context.Context, limit int) ([]Fact, error)
	DoneFact(ctx context.Context, id int64) error

	// TouchMember remembers that the person has been in the room, with the
	// name they go by now. An at before the one known changes nothing. Who is new
	// has read all that was there before. It returns the name that was known, empty
	// for who is new.
	TouchMember(ctx context.Context, room RoomID, u User, at time.Time) (before string, err error)
	// Members lists everybody who has been in the room, latest first, 1,000 at
	// most.
	Members(ctx context.Context, room RoomID) ([]User, error)

	// Setting returns the value stored under key, or stores and returns what
	// make gives if there is none. Concurrent callers get the same value; what
	// make gave the others is thrown away.
	Setting(ctx context.Context, key string, make func() ([]byte, error)) ([]byte, error)
	// PutSetting stores a value under key, or removes it if value is nil.
	PutSetting(ctx context.Context, key string, value []byte) error
	// Settings returns all values whose keys begin with prefix.
	Settings(ctx context.Context, prefix string) (map[string][]byte, error)

	// Ping proves that the store can be written: it commits a record.
	Ping(ctx context.Context) error
	// Close waits for the writes under way. Closing again is no error.
	Close() error
}
