package room

import (
	"cmp"
	"time"

	"weft/crdt"
	"weft/server/room/journal"
)

// Limits of rooms; 0 means the default. A document that has reached one of the first four
// accepts only deletions. It exceeds a limit by at most one message.
type Limits struct {
	Content int // bytes of content in a document; 50 MiB
	Structs int // Yjs structs in a document; 2,000,000
	Clients int // Yjs client ids that have written to a document; 50,000
	Roots   int // root types of a document; 256
	// Subdocs is how many live subdocuments a document may have; 1,000. An update that
	// would make more is refused, other updates are not.
	Subdocs int
	// Pending is how long a room asks for the updates that pending updates depend on; 60 s.
	// Then it warns and stops asking. It keeps the pending updates all the same.
	Pending time.Duration
	// Memory is what the documents of all rooms may take together, in bytes as they are
	// accounted. Above 5/6 of it rooms that nobody uses are unloaded early, above all of it
	// no more rooms are opened. 0: no limit.
	Memory int64
	// Warm is how many rooms that nobody uses stay loaded; 10,000. The longest unused are
	// unloaded first.
	Warm int
	// Journal is how many bytes of updates, of all rooms, may wait for the disk before
	// rooms take no more commands; 64 MiB.
	Journal int
}

// DefaultLimits returns the limits that the zero value means.
func DefaultLimits() Limits {
	return Limits{
		Content: 50 << 20, Structs: 2_000_000, Clients: 50_000, Roots: 256, Subdocs: 1000,
		Pending: time.Minute, Warm: 10_000, Journal: journal.DefaultMaxBytes,
	}
}

// withDefaults returns l with defaults in place of 0.
func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	l.Content = cmp.Or(l.Content, d.Content)
	l.Structs = cmp.Or(l.Structs, d.Structs)
	l.Clients = cmp.Or(l.Clients, d.Clients)
	l.Roots = cmp.Or(l.Roots, d.Roots)
	l.Subdocs = cmp.Or(l.Subdocs, d.Subdocs)
	l.Pending = cmp.Or(l.Pending, d.Pending)
	l.Warm = cmp.Or(l.Warm, d.Warm)
	l.Journal = cmp.Or(l.Journal, d.Journal)
	return l
}

// reached returns the name of the limit that a document has reached, so that it accepts
// only deletions, and the reason to send to its clients. It returns empty strings if no
// limit is reached.
func (l Limits) reached(s crdt.Stats) (limit, reason string) {
	switch {
	case s.Content >= l.Content:
		return "document", "the document is full: its content is at its limit"
	case s.Structs >= l.Structs:
		return "structs", "the document is full: its history is at its limit"
	case s.Clients >= l.Clients:
		return "clients", "the document is full: too many clients have written to it"
	case s.Roots >= l.Roots:
		return "roots", "the document has too many roots"
	}
	return "", ""
}
