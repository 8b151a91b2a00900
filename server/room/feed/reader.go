package feed

import (
	"weft/crdt"
	"weft/server/wire"
)

// A Reader is one peer's position in the feed and what it still needs. Its methods are
// safe for concurrent use, though a peer has one goroutine at a time that calls Next.
type Reader struct {
	feed  *Feed
	owner any
	echo  bool

	// Guarded by feed.mu.
	next    uint64 // the first entry of others that it has not read
	own     uint64 // the first entry of its own that has not been echoed; 0 if there is none
	lastOwn uint64 // the last entry of its own
	synced  bool   // it has been answered at least once
	// base is the latest mark before its position: it has at least that state vector,
	// apart from own updates that have not been echoed. nil: it has nothing for certain.
	base       *Mark
	awareness  uint64 // the version of awareness that it has
	stepOne    []byte // the state vector of a sync step 1 that is not answered yet
	requesting bool   // it is in feed.requests, or its answer is being made
	answers    []*Shared
}

// ReaderOptions of a Reader.
type ReaderOptions struct {
	// Echo: the peer gets its own updates too, once they are durable.
	Echo bool
	// Owner is returned by Reader.Owner.
	Owner any
}

// NewReader returns a reader at the end of the feed, for a peer that has nothing yet.
func (f *Feed) NewReader(o ReaderOptions) *Reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &Reader{feed: f, owner: o.Owner, echo: o.Echo, next: f.end()}
}

// Owner returns ReaderOptions.Owner.
func (r *Reader) Owner() any { return r.owner }

// Echoes reports whether the peer gets its own updates too.
func (r *Reader) Echoes() bool { return r.echo }

// Next returns the next body for the peer, nil if there is none now. more reports whether
// another call may return something: if not, the room wakes the peer when it may.
func (r *Reader) Next() (body *Shared, more bool) {
	f := r.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if body = f.nextBody(r); body == nil {
		return nil, false
	}
	return body, len(r.answers) > 0 || r.stepOne != nil || r.next < f.end() ||
		r.own > 0 && r.own <= f.durable || f.awareness.hasNews(r.awareness)
}

func (f *Feed) nextBody(r *Reader) *Shared {
	switch {
	case len(r.answers) > 0:
		body := r.answers[0]
		r.answers[0] = nil
		if r.answers = r.answers[1:]; len(r.answers) == 0 {
			r.answers = nil
		}
		return body
	case r.stepOne != nil || f.isBehind(r):
		f.request(r)
	case !r.requesting:
		if body := f.nextUpdate(r); body != nil {
			return body
		}
	}
	return f.awareness.next(&r.awareness)
}

// isBehind reports whether entries that the reader has not read have been dropped.
func (f *Feed) isBehind(r *Reader) bool {
	return r.next < f.first || r.own > 0 && r.own < f.first
}

// nextUpdate returns the updates of others since the reader's position, merged, or else
// one durable update of its own. An own update is sent alone and unchanged, as clients may
// look for the very bytes that they sent.
func (f *Feed) nextUpdate(r *Reader) *Shared {
	if body := f.nextMerged(r); body != nil {
		return body
	}
	if r.own == 0 {
		return nil
	}
	// After an answer, own may be before the next entry of the reader's.
	for r.own < f.end() && f.entries[r.own-f.first].Author != r {
		r.own++
	}
	if r.own > f.durable || r.own >= f.end() {
		return nil
	}
	body := f.entries[r.own-f.first].shared()
	next := r.own + 1
	for next < f.end() && f.entries[next-f.first].Author != r {
		next++
	}
	if r.own = next; next > r.lastOwn {
		r.own = 0
	}
	r.advanceBase()
	return body
}

// nextMerged merges the updates of others from the reader's position on. A reader that
// has no own updates among them shares the body with others at its position.
func (f *Feed) nextMerged(r *Reader) *Shared {
	from := r.next
	if from >= f.end() { // an answer may hold updates that are not in the feed yet
		return nil
	}
	hasOwn := r.lastOwn >= from
	if m, ok := f.merged[from]; ok && !hasOwn {
		r.next = m.to
		r.advanceBase()
		return m.body
	}
	to, size := f.mergeRange(from)
	var updates [][]byte
	last := &f.entries[from-f.first]
	for i := from - f.first; i < to-f.first; i++ {
		if e := &f.entries[i]; e.Author != r {
			updates, last = append(updates, e.Update), e
		}
	}
	r.next = to
	r.advanceBase()
	var body *Shared
	switch len(updates) {
	case 0:
		return f.nextMerged(r)
	case 1:
		return last.shared()
	default:
		body = merge(updates)
	}
	if !hasOwn {
		if f.mergedBytes += size; f.mergedBytes > maxMergedBytes {
			f.clearMerged()
		}
		if f.merged == nil {
			f.merged = map[uint64]mergedBody{}
		}
		f.merged[from] = mergedBody{to, body}
	}
	return body
}

// mergeRange returns the entries that one body may hold, from number from to before to,
// and the size of their updates in bytes.
func (f *Feed) mergeRange(from uint64) (to uint64, size int) {
	for to = from; to < f.end(); to++ {
		e := &f.entries[to-f.first]
		if to > from && (size+len(e.Update) > MergeBytes || to-from == mergeEntries) {
			break
		}
		size += len(e.Update)
	}
	return to, size
}

// advanceBase sets the base to the feed's mark once the reader has passed it.
func (r *Reader) advanceBase() {
	if m := r.feed.mark; r.synced && m.From <= r.next && (r.own == 0 || m.From <= r.own) {
		r.base = m
	}
}

// shared returns the entry's update as a body.
func (e *Entry) shared() *Shared {
	if e.body == nil {
		e.body = &Shared{Body: wire.AppendUpdate(make([]byte, 0, len(e.Update)+8), e.Update)}
	}
	return e.body
}

// merge returns updates merged into one, as a body.
func merge(updates [][]byte) *Shared {
	u, err := crdt.MergeUpdates(updates...)
	if err != nil {
		panic("feed: updates that were applied cannot be merged: " + err.Error())
	}
	return &Shared{Body: wire.AppendUpdate(make([]byte, 0, len(u)+8), u)}
}
