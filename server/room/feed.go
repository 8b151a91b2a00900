package room

import (
	"iter"
	"sync"
	"time"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// feed is what a room has said lately, once for all its peers. Each peer has a
// Cursor in it and takes what is new when its connection can carry more: so
// what waits for a peer is a position and no queue, all that waits goes into
// one frame, and peers at the same position share that frame's bytes.
//
// Who is further back than what is kept is caught up by a difference against a
// state vector that it is known to have. Awareness is kept by newest state for
// each client (aware.go).
type feed struct {
	asked chan struct{} // holds a token when cursors wait in asking

	mu      sync.Mutex
	entries []said
	first   uint64 // number of entries[0]; they count as journal records do
	bytes   int    // in entries
	durable uint64 // entries up to this one are on disk
	mark    *mark
	unmark  int // bytes since mark
	merged  map[uint64]merged
	held    int // bytes in merged
	asking  []*Cursor
	aware   whereabouts
}

// said is one update that was said.
type said struct {
	author *Cursor // who is not told, or only once it is on disk
	update []byte
	body   *Shared // made when first asked for
}

// mark is a state vector on the way: who has heard all entries before number
// from has at least sv.
type mark struct {
	from uint64
	sv   crdt.StateVector
}

// merged is one body for the entries from its key's number to before to.
type merged struct {
	to   uint64
	body *Shared
}

const (
	keptBytes   = 1 << 20 // of entries, or one that is larger
	keptEntries = 4096
	// mergeBytes and mergeEntries bound one frame, unless one update is larger:
	// a stopped connection pins one frame.
	mergeBytes   = 256 << 10
	mergeEntries = 1024
	markEvery    = 256 << 10 // bytes of updates
	mergedBytes  = 4 << 20   // of merges for peers at different positions
)

func newFeed(sv crdt.StateVector) *feed {
	return &feed{asked: make(chan struct{}, 1), first: 1, mark: &mark{from: 1, sv: sv}}
}

// cursor is one at the feed's end, for a peer that has nothing yet.
func (f *feed) cursor(echo bool) *Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &Cursor{feed: f, echo: echo, next: f.end()}
}

func (f *feed) end() uint64 { return f.first + uint64(len(f.entries)) }

// say adds entries. sv is called for a mark when one is due; it must cover
// them and all before.
func (f *feed) say(batch []said, sv func() crdt.StateVector) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, e := range batch {
		if a := e.author; a != nil {
			a.wrote = f.end() + uint64(n)
			if a.own == 0 && a.echo {
				a.own = a.wrote
			}
		}
		f.bytes += len(e.update)
		f.unmark += len(e.update)
		n++
	}
	f.entries = append(f.entries, batch...)
	drop := 0
	for len(f.entries)-drop > 1 && (f.bytes > keptBytes || len(f.entries)-drop > keptEntries) {
		f.bytes -= len(f.entries[drop].update)
		drop++
	}
	f.drop(drop)
	f.forgetMerged()
	if f.unmark >= markEvery {
		f.mark, f.unmark = &mark{from: f.end(), sv: sv()}, 0
	}
}

func (f *feed) drop(n int) {
	clear(f.entries[:n])
	f.entries = f.entries[n:]
	f.first += uint64(n)
	if len(f.entries) == 0 {
		f.entries = nil
	}
}

func (f *feed) forgetMerged() {
	clear(f.merged)
	f.held = 0
}

// trim lets go of the entries that all have heard. Cursors that are behind
// anyway do not count.
func (f *feed) trim(cursors iter.Seq[*Cursor]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	keep := f.end()
	for c := range cursors {
		if !f.lost(c) {
			keep = min(keep, c.next)
			if c.own > 0 {
				keep = min(keep, c.own)
			}
		}
	}
	n := int(keep - f.first)
	for _, e := range f.entries[:n] {
		f.bytes -= len(e.update)
	}
	f.drop(n)
	f.forgetMerged()
	f.merged = nil
}

// settled takes note that entries up to n are on disk.
func (f *feed) settled(n uint64) {
	f.mu.Lock()
	f.durable = n
	f.mu.Unlock()
}

// want notes a step 1 of c. An earlier one that is not answered yet is answered
// with it.
func (f *feed) want(c *Cursor, sv []byte) {
	f.mu.Lock()
	c.want = sv
	f.mu.Unlock()
}

// note takes awareness states that have changed; showAll makes c forget all that
// it knows of them.
func (f *feed) note(states []awareness.State, now time.Time) {
	f.mu.Lock()
	f.aware.note(states, now)
	f.mu.Unlock()
}

func (f *feed) showAll(c *Cursor) {
	f.mu.Lock()
	c.stamp = 0
	f.mu.Unlock()
}

// lost tells whether entries that c has not heard are no longer kept.
func (f *feed) lost(c *Cursor) bool {
	return c.next < f.first || c.own > 0 && c.own < f.first
}

// ask puts c among those that the room's goroutine is to answer.
func (f *feed) ask(c *Cursor) {
	if c.asking {
		return
	}
	c.asking = true
	f.asking = append(f.asking, c)
	f.signal()
}

func (f *feed) signal() {
	select {
	case f.asked <- struct{}{}:
	default:
	}
}

// later puts cursors back that could not be answered yet, before all others.
func (f *feed) later(asking []*Cursor) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asking = append(asking, f.asking...)
	f.signal()
}

// questions takes the cursors that wait for an answer.
func (f *feed) questions() []*Cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	asking := f.asking
	f.asking = nil
	return asking
}

// Cursor is how far one peer has heard its room. Next may be called from any
// goroutine.
type Cursor struct {
	feed   *feed
	member *member // guarded by Room.mu
	// echo: the peer is told its own updates too, once they are on disk.
	echo bool

	// Guarded by feed.mu.
	next   uint64 // the first entry of others not heard
	own    uint64 // the first entry of its own not echoed; 0 if there is none
	wrote  uint64 // the last entry of its own
	synced bool   // a step 1 of the peer, or its being behind, was answered
	base   *mark  // what it has at least, its own that is not echoed apart; nil for nothing
	stamp  uint64 // awareness up to here is known
	want   []byte // a state vector whose step 1 is not answered yet
	asking bool   // in feed.asking, or about to be answered
	given  []*Shared
}

// Next returns the next body for the peer, or nil if there is none now, and
// whether there is more by now: if not, the room wakes the peer when there is.
func (c *Cursor) Next() (next *Shared, more bool) {
	f := c.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if next = f.next(c); next == nil {
		return nil, false
	}
	return next, len(c.given) > 0 || c.want != nil || c.next < f.end() || c.own > 0 && c.own <= f.durable || f.aware.news(c.stamp)
}

func (f *feed) next(c *Cursor) *Shared {
	switch {
	case len(c.given) > 0:
		s := c.given[0]
		c.given[0] = nil
		if c.given = c.given[1:]; len(c.given) == 0 {
			c.given = nil
		}
		return s
	case c.want != nil || f.lost(c):
		f.ask(c)
	case !c.asking:
		if s := f.take(c); s != nil {
			return s
		}
	}
	return f.aware.take(&c.stamp)
}

// take returns what others have said since, merged, or else an own update that is
// on disk now: by itself, as clients may look for the very bytes they sent.
func (f *feed) take(c *Cursor) *Shared {
	if s := f.takeMerged(c); s != nil {
		return s
	}
	if c.own == 0 {
		return nil
	}
	for c.own < f.end() && f.entries[c.own-f.first].author != c { // after an answer, it may be later
		c.own++
	}
	if c.own > f.durable || c.own >= f.end() {
		return nil
	}
	s := f.entries[c.own-f.first].shared()
	next := c.own + 1
	for next < f.end() && f.entries[next-f.first].author != c {
		next++
	}
	if c.own = next; next > c.wrote {
		c.own = 0
	}
	c.advance()
	return s
}

// takeMerged merges what others have said. Who has not said anything meanwhile
// gets the very body that others at its position get.
func (f *feed) takeMerged(c *Cursor) *Shared {
	from := c.next
	if from >= f.end() { // it may have been given what is not in the feed yet
		return nil
	}
	mine := c.wrote >= from
	if m, ok := f.merged[from]; ok && !mine {
		c.next = m.to
		c.advance()
		return m.body
	}
	to, size := from, 0
	for ; to < f.end(); to++ {
		e := &f.entries[to-f.first]
		if to > from && (size+len(e.update) > mergeBytes || to-from == mergeEntries) {
			break
		}
		size += len(e.update)
	}
	var updates [][]byte
	last := &f.entries[from-f.first]
	for i := from - f.first; i < to-f.first; i++ {
		if e := &f.entries[i]; e.author != c {
			updates, last = append(updates, e.update), e
		}
	}
	c.next = to
	c.advance()
	var body *Shared
	switch len(updates) {
	case 0:
		return f.takeMerged(c)
	case 1:
		return last.shared()
	default:
		body = merge(updates)
	}
	if !mine {
		if f.held += size; f.held > mergedBytes {
			f.forgetMerged()
		}
		if f.merged == nil {
			f.merged = map[uint64]merged{}
		}
		f.merged[from] = merged{to, body}
	}
	return body
}

// advance moves the base on.
func (c *Cursor) advance() {
	if m := c.feed.mark; c.synced && m.from <= c.next && (c.own == 0 || m.from <= c.own) {
		c.base = m
	}
}

func (e *said) shared() *Shared {
	if e.body == nil {
		e.body = &Shared{Body: wire.AppendUpdate(make([]byte, 0, len(e.update)+8), e.update)}
	}
	return e.body
}

func merge(updates [][]byte) *Shared {
	u, err := crdt.MergeUpdates(updates...)
	if err != nil {
		panic("room: updates that were applied cannot be merged: " + err.Error())
	}
	return &Shared{Body: wire.AppendUpdate(make([]byte, 0, len(u)+8), u)}
}

// Shared is a body that many peers are told. Each dialect's frame of it is made
// once for all who use the same prefix.
type Shared struct {
	Body []byte // must not be changed

	mu     sync.Mutex
	prefix string
	frame  []byte
}

// Frame returns the body behind a prefix. The bytes are shared and must not be
// changed.
func (s *Shared) Frame(prefix string) []byte {
	if prefix == "" {
		return s.Body
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prefix == prefix {
		return s.frame
	}
	frame := append(append(make([]byte, 0, len(prefix)+len(s.Body)), prefix...), s.Body...)
	if s.prefix == "" {
		s.prefix, s.frame = prefix, frame
	}
	return frame
}
