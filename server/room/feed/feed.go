package feed

import (
	"iter"
	"sync"
	"time"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/internal/signal"
)

// A Feed holds a room's recent updates and awareness; see the package comment. All
// methods are safe for concurrent use.
type Feed struct {
	requested signal.Signal // requests is not empty

	mu       sync.Mutex
	entries  []Entry
	first    uint64 // number of entries[0]
	bytes    int    // in entries
	durable  uint64 // entries up to this number are on disk
	mark     *Mark
	unmarked int // bytes of entries since mark
	// merged holds bodies of several entries, by the number of their first entry.
	merged      map[uint64]mergedBody
	mergedBytes int // bytes of the entries in merged
	requests    []*Reader
	awareness   awarenessLog
}

// An Entry is one update in the feed.
type Entry struct {
	// Author is the reader of the peer that sent the update. It gets the update as an
	// echo or not at all.
	Author *Reader
	Update []byte // must not be changed

	body *Shared // the update as a message body; made when first needed
}

// A Mark is a state vector at a position of the feed: whoever has all entries before
// number From has at least StateVector.
type Mark struct {
	From        uint64
	StateVector crdt.StateVector
}

// mergedBody is one body for the entries from its key's number to before number to.
type mergedBody struct {
	to   uint64
	body *Shared
}

const (
	// KeptBytes bounds the updates in a feed, in bytes, unless one alone is larger.
	KeptBytes = 1 << 20
	// MergeBytes bounds the updates that are merged into one body, in bytes, unless one
	// alone is larger. A connection that takes nothing holds one body.
	MergeBytes = 256 << 10

	keptEntries    = 4096
	mergeEntries   = 1024      // in one body
	markEvery      = 256 << 10 // bytes of updates between two marks
	maxMergedBytes = 4 << 20   // of entries in merged
)

// New returns an empty feed of a document whose state vector is sv. Its first entry will
// have number 1.
func New(sv crdt.StateVector) *Feed {
	return &Feed{requested: signal.New(), first: 1, mark: &Mark{From: 1, StateVector: sv}}
}

// end returns the number of the next entry. mu is held, as in all unexported methods
// below.
func (f *Feed) end() uint64 { return f.first + uint64(len(f.entries)) }

// Append adds entries. sv returns the state vector of the document with these entries and
// all before; it is called with a lock held, only when a mark is due.
func (f *Feed) Append(batch []Entry, sv func() crdt.StateVector) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, e := range batch {
		if a := e.Author; a != nil {
			a.lastOwn = f.end() + uint64(i)
			if a.own == 0 && a.echo {
				a.own = a.lastOwn
			}
		}
		f.bytes += len(e.Update)
		f.unmarked += len(e.Update)
	}
	f.entries = append(f.entries, batch...)
	excess := 0
	for len(f.entries)-excess > 1 && (f.bytes > KeptBytes || len(f.entries)-excess > keptEntries) {
		f.bytes -= len(f.entries[excess].Update)
		excess++
	}
	f.dropEntries(excess)
	f.clearMerged()
	if f.unmarked >= markEvery {
		f.mark, f.unmarked = &Mark{From: f.end(), StateVector: sv()}, 0
	}
}

// dropEntries drops the first n entries, whose bytes the caller has subtracted.
func (f *Feed) dropEntries(n int) {
	clear(f.entries[:n])
	f.entries = f.entries[n:]
	f.first += uint64(n)
	if len(f.entries) == 0 {
		f.entries = nil
	}
}

func (f *Feed) clearMerged() {
	clear(f.merged)
	f.mergedBytes = 0
}

// Trim drops the entries that all of these readers have read. Readers that have fallen
// behind do not count.
func (f *Feed) Trim(readers iter.Seq[*Reader]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keep := f.end()
	for r := range readers {
		if !f.isBehind(r) {
			keep = min(keep, r.next)
			if r.own > 0 {
				keep = min(keep, r.own)
			}
		}
	}
	n := int(keep - f.first)
	for _, e := range f.entries[:n] {
		f.bytes -= len(e.Update)
	}
	f.dropEntries(n)
	f.clearMerged()
	f.merged = nil
}

// Size returns how many entries are kept, and the bytes of their updates.
func (f *Feed) Size() (entries, bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.entries), f.bytes
}

// SetDurable records that the entries up to number n are on disk. Readers that want an
// echo of theirs are not woken; the caller does that.
func (f *Feed) SetDurable(n uint64) {
	f.mu.Lock()
	f.durable = n
	f.mu.Unlock()
}

// NoteAwareness takes awareness states that have changed at now. Readers get them after
// the next PublishAwareness.
func (f *Feed) NoteAwareness(states []awareness.State, now time.Time) {
	f.mu.Lock()
	f.awareness.note(states, now)
	f.mu.Unlock()
}

// PublishAwareness lets readers have the noted awareness. It returns how many bytes are
// new to a reader that had everything before.
func (f *Feed) PublishAwareness() (bytes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.awareness.publish()
}

// TrimAwareness drops clients that have been gone for a minute at now, and shared frames.
func (f *Feed) TrimAwareness(now time.Time) {
	f.mu.Lock()
	f.awareness.trim(now)
	f.mu.Unlock()
}
