package room

import (
	"strconv"
	"sync/atomic"
	"time"

	"weft/crdt"
	"weft/server/wire"
)

// flow is when a room tells its peers what is new: at once after a pause, and
// under load in ticks, so that what came meanwhile is one frame for each peer. A
// tick is about as long as it takes to write the last one to all peers: then
// waiting adds little to what the writing takes anyway, and a small room is not
// held up at all.
type flow struct {
	batch  []said // updates not yet in the feed
	bytes  int
	since  time.Time // when the first of them came
	nextAt time.Time // when the feed may be told more
	told   time.Time // when the peers had been told what was new last

	moved   bool // awareness has changed
	movedAt time.Time

	timer *time.Timer
	armed time.Time // when timer fires; zero if it does not
}

const (
	// Writing a frame to a socket costs about writeCost and byteCost for each
	// byte (measured on loopback, the wake-up of its goroutine included).
	writeCost = 8 * time.Microsecond
	byteCost  = time.Nanosecond / 2
	longest   = 20 * time.Millisecond // tick of updates
	// A caret is looked at by people: from 20 to 30 a second look smooth.
	awareShortest = 33 * time.Millisecond
	awareLongest  = 250 * time.Millisecond
	batchBytes    = mergeBytes
)

// cost estimates how long it takes to write so many bytes to all peers.
func cost(peers, bytes int) time.Duration {
	return time.Duration(peers) * (writeCost + time.Duration(bytes)*byteCost)
}

// say takes an update that everybody but its author is to hear.
func (r *Room) say(author *member, update []byte) {
	f := &r.flow
	if len(f.batch) == 0 {
		f.since = time.Now()
	}
	author.wrote = r.state.appended
	f.batch = append(f.batch, said{author: author.cursor, update: update})
	f.bytes += len(update)
}

// tell is called by who works for the room, after each turn: it tells the peers what is due, and arms
// the timer for what is not yet. While more commands are at hand it waits for
// them, but no longer than a tick.
func (r *Room) tell() {
	f := &r.flow
	if len(f.batch) == 0 && !f.moved {
		return
	}
	now := time.Now()
	busy := len(r.commands) > 0 // in the queue by now
	wake := false
	var due time.Time
	if len(f.batch) > 0 {
		at := f.nextAt
		if busy {
			at = later(at, f.since.Add(longest/4))
		}
		if f.bytes >= batchBytes || !now.Before(at) {
			r.flush(now)
			wake = true
		} else {
			due = at
		}
	}
	if f.moved {
		if !now.Before(f.movedAt) {
			r.show(now)
			wake = true
		} else if due.IsZero() || f.movedAt.Before(due) {
			due = f.movedAt
		}
	}
	if wake {
		for _, s := range r.state.members.row {
			s.peer.Wake(s.cursor)
		}
		f.told = time.Now()
	}
	if !due.IsZero() && !due.Equal(f.armed) {
		f.timer.Reset(due.Sub(now))
		f.armed = due
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// flush puts the batch into the feed.
func (r *Room) flush(now time.Time) {
	f := &r.flow
	tick := min(cost(r.state.members.len(), f.bytes), longest)
	r.feed.say(f.batch, r.state.doc.StateVector)
	clear(f.batch)
	f.batch, f.bytes = f.batch[:0], 0
	if cap(f.batch) > 64 {
		f.batch = nil
	}
	f.nextAt = now.Add(tick)
}

// show makes the awareness that has changed visible.
func (r *Room) show(now time.Time) {
	f := &r.flow
	r.feed.mu.Lock()
	bytes := r.feed.aware.show()
	r.feed.mu.Unlock()
	f.moved = false
	f.movedAt = now.Add(min(max(2*cost(r.state.members.len(), bytes), awareShortest), awareLongest))
}

// tidy lets go of what nobody needs.
func (r *Room) tidy(now time.Time) {
	r.feed.trim(func(yield func(*Cursor) bool) {
		for _, s := range r.state.members.row {
			if !yield(s.cursor) {
				return
			}
		}
	})
	r.feed.mu.Lock()
	r.feed.aware.forget(now)
	r.feed.mu.Unlock()
	r.state.encoded.forget()
}

// serve answers the cursors that ask: for what a state vector lacks, or to be
// caught up. All that ask at one version of the document share what is encoded.
func (r *Room) serve() {
	asking := r.feed.questions()
	for i, begun := 0, time.Now(); i < len(asking); i++ {
		if i > 0 && time.Since(begun) > serveFor {
			r.feed.later(asking[i:])
			return
		}
		c := asking[i]
		if m := c.member; r.state.members.of(m.peer) == m { // it has not left
			r.answer(m)
		}
	}
}

// serveFor is how long a room encodes for those who ask before others have a turn.
const serveFor = 10 * time.Millisecond

func (r *Room) answer(m *member) {
	c, s := m.cursor, r.state
	r.feed.mu.Lock()
	want, base := c.want, c.base
	c.want = nil
	at := r.feed.mark
	r.feed.mu.Unlock()
	given := &answer{}
	if want != nil {
		r.caught.asked.Add(1)
		given.bodies = s.encoded.step2(s, want)
	} else {
		r.caught.behind.Add(1)
		given.bodies = s.encoded.update(s, base)
	}
	given.next, given.base, given.whole = s.appended+1, at, want == nil
	e := effect{kind: give, to: m, answer: given}
	if c.echo {
		// It may hold the peer's own updates too, and y-websocket clients take
		// those that come back for saved.
		e.after = m.wrote
	}
	r.apply([]effect{e})
}

// caughtUp counts the answers that are made from a state vector: to peers that asked
// with sync step 1, and to those that the feed had left behind.
type caughtUp struct{ asked, behind atomic.Uint64 }

// CaughtUp returns how many times peers were sent what a state vector lacked: one that
// they sent, or one that they were known to have when they had fallen behind.
func (h *Hub) CaughtUp() (asked, behind uint64) { return h.caught.asked.Load(), h.caught.behind.Load() }

// answer is what a cursor asked for.
type answer struct {
	bodies []*Shared
	next   uint64 // the first entry that is not in it
	base   *mark
	// whole: it holds all since the cursor's base, the peer's own as well.
	whole bool
}

// give hands an answer to a cursor.
func (r *Room) give(m *member, a answer) {
	c := m.cursor
	r.feed.mu.Lock()
	c.given = append(c.given, a.bodies...)
	c.asking, c.synced = false, true
	c.next = max(c.next, a.next)
	if a.whole && c.own > 0 {
		if c.own = 0; c.wrote >= a.next {
			c.own = a.next // or later: take finds it
		}
	}
	if c.own == 0 || a.base.from <= c.own {
		c.base = a.base
	}
	r.feed.mu.Unlock()
	m.peer.Wake(c)
}

// encodings are what was encoded of one version of the document, for all who
// ask for the same.
type encodings struct {
	version uint64
	used    bool
	bodies  map[string][]*Shared
	bytes   int
	// full is the full state as it was stored: who comes first after a start need
	// not wait until it is encoded again. nil if it must be.
	full []byte
}

// encodedBytes bounds what is kept besides the largest.
const encodedBytes = 4 << 20

// forget drops what has not been asked for since it was last called.
func (e *encodings) forget() {
	if !e.used {
		e.bodies, e.bytes, e.full = nil, 0, nil
	}
	e.used = false
}

func (e *encodings) get(s *state, key string, encode func() []*Shared) []*Shared {
	if e.version != s.appended {
		e.version, e.bodies, e.bytes, e.full = s.appended, nil, 0, nil
	}
	e.used = true
	if b, ok := e.bodies[key]; ok {
		return b
	}
	b := encode()
	size := 0
	for _, s := range b {
		size += len(s.Body)
	}
	if e.bytes > encodedBytes {
		e.bodies, e.bytes = nil, 0
	}
	if e.bodies == nil {
		e.bodies = map[string][]*Shared{}
	}
	e.bodies[key] = b
	e.bytes += size
	return b
}

// encode is for get to call, which forgets full when there is another version.
func (e *encodings) encode(s *state, sv crdt.StateVector) []byte {
	if len(sv) == 0 && e.full != nil {
		return e.full
	}
	return s.doc.EncodeStateAsUpdate(sv)
}

// step2 answers a step 1 with a state vector that has been decoded before.
func (e *encodings) step2(s *state, want []byte) []*Shared {
	return e.get(s, "2"+string(want), func() []*Shared {
		sv, err := crdt.DecodeStateVector(want)
		if err != nil {
			panic("room: a state vector that was decoded before: " + err.Error())
		}
		return bodies(e.encode(s, sv), wire.AppendStep2)
	})
}

// update is what a peer that has at least base lacks.
func (e *encodings) update(s *state, base *mark) []*Shared {
	key := "0"
	var sv crdt.StateVector
	if base != nil {
		sv = base.sv
		key = "0" + strconv.FormatUint(base.from, 10)
	}
	return e.get(s, key, func() []*Shared {
		return bodies(e.encode(s, sv), wire.AppendUpdate)
	})
}

const (
	// A large update goes in parts, each a message: stock clients hang up after
	// 30 s without one, so a line of 10 KiB a second is enough for any document.
	splitAt   = 512 << 10
	partBytes = 256 << 10
)

// bodies are the bodies that bring an update: the last is what last makes of it,
// those before are updates.
func bodies(update []byte, last func(dst, update []byte) []byte) []*Shared {
	parts := [][]byte{update}
	if len(update) > splitAt {
		var err error
		if parts, err = crdt.SplitUpdate(update, partBytes); err != nil {
			panic("room: our own encoding cannot be read: " + err.Error())
		}
	}
	shared := make([]*Shared, len(parts))
	for i, p := range parts {
		encode := wire.AppendUpdate
		if i == len(parts)-1 {
			encode = last
		}
		shared[i] = &Shared{Body: encode(make([]byte, 0, len(p)+8), p)}
	}
	return shared
}
