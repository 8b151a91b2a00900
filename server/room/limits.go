package room

import (
	"bytes"
	"cmp"
	"errors"
	"time"

	"weft/crdt"
	"weft/server/wire"
)

// Limits of rooms; 0 means the default. A document that has reached one of the first
// four takes no more insertions, deletions only; it overshoots by one message at most.
type Limits struct {
	Content int // bytes of content in a document; 50 MiB
	Structs int // in a document; 2,000,000
	Clients int // Yjs client ids that have written to a document; 50,000
	Roots   int // root types of a document; 256
	// Subdocs is how many live subdocuments a document may have; 1,000. An update that
	// would make more is refused, and others are not.
	Subdocs int
	// Pending is for how long a room asks for updates that others wait for, and when it
	// warns that nobody has brought them; 60 s. What waits is kept all the same.
	Pending time.Duration
	// Memory is what the documents of all rooms may take together, in bytes as
	// they are accounted. Over 5/6 of it rooms that nobody is in are closed
	// early, over all of it no more are opened. 0: any.
	Memory int64
	// Warm is how many rooms stay open that nobody is in; 10,000. Those that were
	// left longest ago are closed first.
	Warm int
	// Journal is how many bytes of updates, of all rooms, may wait for the disk
	// before rooms take no more; 64 MiB.
	Journal int
}

// DefaultLimits are those of the zero value.
func DefaultLimits() Limits {
	return Limits{Content: 50 << 20, Structs: 2_000_000, Clients: 50_000, Roots: 256, Subdocs: 1000, Journal: 64 << 20, Warm: 10_000, Pending: time.Minute}
}

func (l Limits) filled() Limits {
	d := DefaultLimits()
	for _, f := range []struct {
		to   *int
		from int
	}{{&l.Content, d.Content}, {&l.Structs, d.Structs}, {&l.Clients, d.Clients}, {&l.Roots, d.Roots}, {&l.Subdocs, d.Subdocs}, {&l.Journal, d.Journal}, {&l.Warm, d.Warm}} {
		if *f.to == 0 {
			*f.to = f.from
		}
	}
	l.Pending = cmp.Or(l.Pending, d.Pending)
	return l
}

// largeContent is the bytes of content from which on the log warns of a document.
const largeContent = 10 << 20

// ErrMemory says that no more rooms can be opened for now: come back later.
var ErrMemory = errors.New("room: the open rooms take all the memory there is for them")

// full tells which limit a document has reached, so that it takes no insertions, and how
// its people are told; or nothing.
func (l Limits) full(s crdt.Stats) (limit, why string) {
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

// refuses returns the effects that turn an update away because the document is
// full, nil if it may be applied.
func (s *state) refuses(m *member, update []byte) ([]effect, error) {
	limit, why := s.limits.full(s.doc.Stats())
	if limit == "" || bytes.HasPrefix(update, deletionsOnly) {
		return nil, nil
	}
	known, err := s.doc.Knows(update)
	if err != nil || known {
		return nil, err
	}
	return []effect{{kind: closePeer, to: m, code: wire.CloseTooLarge, reason: why, limit: limit}}, nil
}

// deletionsOnly begins an update without structs.
var deletionsOnly = []byte{0}
