package room

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/room/feed"
	"weft/server/wire"
)

// reader is a Peer that applies what it gets to a document of its own.
type reader struct {
	name   string
	echo   bool
	doc    *crdt.Doc
	reader *feed.Reader
	woken  bool
	acked  uint64
	frames int
	aware  map[uint64]string
}

func newReader(name string, client uint64, echo bool) *reader {
	return &reader{name: name, echo: echo, doc: crdt.New(crdt.Options{ClientID: client}), aware: map[uint64]string{}}
}

func (p *reader) Wake(c *feed.Reader)        { p.reader, p.woken = c, true }
func (*reader) Deliver(Class, []byte)        {}
func (*reader) DeliverEvent(*event.Encoded)  {}
func (p *reader) Acked(n uint64)             { p.acked = n }
func (*reader) Refused()                     {}
func (p *reader) Echoes() bool               { return p.echo }
func (*reader) Close(wire.CloseCode, string) {}

// read takes one body, if there is one, and returns the update in it.
func (p *reader) read(t *testing.T) (update []byte, ok bool) {
	t.Helper()
	if p.reader == nil {
		return nil, false
	}
	s, _ := p.reader.Next()
	if s == nil {
		p.woken = false
		return nil, false
	}
	p.frames++
	b, err := wire.DecodeBody(s.Frame(""))
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case b.IsUpdate():
		if _, err := p.doc.ApplyUpdate(b.Payload); err != nil {
			t.Fatal(err)
		}
		return b.Payload, true
	case b.Type == wire.TypeAwareness:
		states, err := awareness.Decode(b.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range states {
			p.aware[st.ClientID] = string(st.JSON)
			if st.Gone() {
				delete(p.aware, st.ClientID)
			}
		}
	}
	return nil, true
}

// table is a room without a goroutine: the test does its work.
type table struct {
	*Room
	t *testing.T
}

func newTable(t *testing.T) *table {
	r := newRoom("r", loaded{doc: crdt.New(crdt.Options{})}, &Hub{log: quietLog, limits: DefaultLimits(), onLimit: func(string) {}})
	t.Cleanup(func() { r.flush.timer.Stop() })
	return &table{r, t}
}

func (r *table) do(c command) {
	for _, e := range r.state.step(c) {
		if e.kind != effectJournal {
			r.apply([]effect{e})
		}
	}
}

func (r *table) join(p *reader) {
	r.do(command{kind: commandJoin, peer: p, member: newMember(p, PeerInfo{Role: auth.Write}, r.feed.NewReader(feed.ReaderOptions{Echo: p.echo, Owner: p})), now: start})
}

func (r *table) sync(p *reader) {
	r.do(command{kind: commandMessage, peer: p, body: wire.Body{Type: wire.TypeSync, Sync: ysync.Step1, Payload: p.doc.EncodeStateVector()}})
}

func (r *table) write(p *reader, text string) {
	r.t.Helper()
	u, err := p.doc.InsertText("t", 0, text)
	if err != nil {
		r.t.Fatal(err)
	}
	r.do(command{kind: commandMessage, peer: p, body: update(u)})
}

// flushAll ends the tick: all peers get what is new.
func (r *table) flushAll() {
	if len(r.flush.batch) > 0 {
		r.flushUpdates(time.Now())
	}
	if r.flush.awarenessChanged {
		r.flushAwareness(time.Now())
	}
	for _, m := range r.state.members.byPeer {
		m.peer.Wake(m.reader)
	}
}

func (r *table) commit(n uint64) {
	r.position.Advance(n)
	r.deliverDurable()
}

// TestAllPeersConverge: peers that write, stop reading and go on, at random, end up with
// the room's document and awareness. No peer gets an echo of its own update before that is
// durable.
func TestAllPeersConverge(t *testing.T) {
	for round := range 40 {
		seed := uint64(round)
		rnd := rand.New(rand.NewPCG(seed, 4))
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			r := newTable(t)
			var peers []*reader
			// said is the room's state vector after each journal record; saved that
			// of what is on disk.
			said := []crdt.StateVector{{}}
			saved := crdt.StateVector{}
			size := 1
			if seed%20 == 0 {
				size = 60 << 10 // so that the feed drops what some have not heard
			}
			enter := func() {
				p := newReader(fmt.Sprint(len(peers)), uint64(len(peers)+1), rnd.IntN(2) == 0)
				peers = append(peers, p)
				r.join(p)
				r.sync(p)
			}
			check := func(p *reader, u []byte) {
				if !p.echo || u == nil {
					return
				}
				id := p.doc.ClientID()
				if has, err := crdt.StateVectorFromUpdate(u); err != nil || has[id] > saved[id] {
					t.Fatalf("peer %s gets its own updates up to clock %d, durable are those up to %d, %v", p.name, has[id], saved[id], err)
				}
			}
			enter()
			enter()
			for range 200 {
				p := peers[rnd.IntN(len(peers))]
				switch k := rnd.IntN(20); {
				case k < 7:
					r.write(p, strings.Repeat(string(rune('a'+rnd.IntN(26))), 1+rnd.IntN(size)))
					said = append(said, r.state.doc.StateVector())
				case k < 9:
					r.do(command{kind: commandMessage, peer: p, now: start, body: aware(p.doc.ClientID(), uint64(rnd.IntN(1000)), fmt.Sprintf(`{"x":%d}`, rnd.IntN(9)))})
				case k < 12:
					r.flushAll()
				case k < 14 && r.state.appended > r.position.Durable():
					saved = said[r.position.Durable()+1+rnd.Uint64N(r.state.appended-r.position.Durable())]
					r.commit(uint64(slices.IndexFunc(said, func(sv crdt.StateVector) bool { return maps.Equal(sv, saved) })))
				case k < 18:
					for range rnd.IntN(4) {
						u, _ := p.read(t)
						check(p, u)
					}
				case k == 18 && len(peers) < 8:
					enter()
				case rnd.IntN(4) == 0:
					r.trim(start)
				}
				r.answerRequests()
			}
			// All peers read until nothing is left.
			r.flushAll()
			saved = r.state.doc.StateVector()
			r.commit(r.state.appended)
			for moved := true; moved; {
				moved = false
				for _, p := range peers {
					for {
						if _, ok := p.read(t); !ok {
							break
						}
						moved = true
					}
				}
				r.answerRequests()
			}
			all := string(r.state.doc.EncodeStateAsUpdate(nil))
			for _, p := range peers {
				if string(p.doc.EncodeStateAsUpdate(nil)) != all {
					t.Errorf("peer %s has another document: %q and %q", p.name, cutText(p.doc.Text("t").String()), cutText(r.state.doc.Text("t").String()))
				}
				if len(p.aware) != r.state.aware.Len() {
					t.Errorf("peer %s sees %d of %d", p.name, len(p.aware), r.state.aware.Len())
				}
				for _, st := range r.state.aware.All() {
					if p.aware[st.ClientID] != string(st.JSON) {
						t.Errorf("peer %s sees %q of client %d, which says %q", p.name, p.aware[st.ClientID], st.ClientID, st.JSON)
					}
				}
			}
			if r.durable.bytes != 0 || len(r.durable.waiting) > 0 {
				t.Errorf("%d bytes of deliveries still wait", r.durable.bytes)
			}
			r.trim(start)
			if entries, bytes := r.feed.Size(); entries != 0 || bytes != 0 {
				t.Errorf("the feed keeps %d entries of %d bytes that all readers have, want none", entries, bytes)
			}
		})
	}
}

func cutText(s string) string { return s[:min(len(s), 40)] }

// TestOwnUpdateIsEchoedOnceItIsDurable: updates of others arrive at once, the own one when
// it is durable.
func TestOwnUpdateIsEchoedOnceItIsDurable(t *testing.T) {
	r := newTable(t)
	a, b := newReader("a", 1, true), newReader("b", 2, true)
	for _, p := range []*reader{a, b} {
		r.join(p)
		r.sync(p)
	}
	for _, p := range []*reader{a, b} {
		p.read(t)
		r.answerRequests()
		if u, ok := p.read(t); !ok || len(u) == 0 {
			t.Fatal("step 1 is not answered")
		}
	}
	has := func(u []byte) (clients []uint64) {
		sv, err := crdt.StateVectorFromUpdate(u)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []uint64{1, 2} {
			if sv[c] > 0 {
				clients = append(clients, c)
			}
		}
		return clients
	}
	r.write(a, "a")
	r.write(b, "b")
	r.flushAll()
	if u, ok := a.read(t); !ok || fmt.Sprint(has(u)) != "[2]" {
		t.Fatalf("a gets updates of clients %v", has(u))
	}
	if u, ok := a.read(t); ok {
		t.Fatalf("then a gets updates of clients %v, want none", has(u))
	}
	r.commit(1)
	if u, ok := a.read(t); !a.woken || !ok || fmt.Sprint(has(u)) != "[1]" {
		t.Fatalf("after the commit a gets updates of clients %v", has(u))
	}
	if u, ok := b.read(t); !ok || fmt.Sprint(has(u)) != "[1]" {
		t.Fatalf("b gets updates of clients %v", has(u))
	}
	r.commit(2)
	if u, ok := b.read(t); !ok || fmt.Sprint(has(u)) != "[2]" {
		t.Fatalf("b gets updates of clients %v", has(u))
	}
	for _, p := range []*reader{a, b} {
		if u, ok := p.read(t); ok {
			t.Errorf("%s gets further updates of clients %v", p.name, has(u))
		}
	}
}

// TestPeersAtOnePositionShareOneFrame: also when many updates are merged in it.
func TestPeersAtOnePositionShareOneFrame(t *testing.T) {
	r := newTable(t)
	w := newReader("w", 1, false)
	r.join(w)
	var readers []*reader
	for i := range 50 {
		readers = append(readers, newReader(fmt.Sprint(i), uint64(i+2), false))
		r.join(readers[i])
	}
	for range 100 {
		r.write(w, "x")
	}
	r.flushAll()
	var first *feed.Shared
	for _, p := range readers {
		s, _ := p.reader.Next()
		if first == nil {
			first = s
		}
		if s == nil || s != first || next(p.reader) != nil {
			t.Fatalf("%s has a frame of its own", p.name)
		}
	}
	if once, again := first.Frame("\x01"), first.Frame("\x01"); &once[0] != &again[0] {
		t.Error("the dialect's frame is made twice")
	}
	if next(w.reader) != nil {
		t.Error("the author gets its own update")
	}
	if len(first.Body) > 600 {
		t.Errorf("100 letters in one go are %d bytes", len(first.Body))
	}
	// The answers to step 1, too.
	var answer *feed.Shared
	for _, p := range readers {
		r.sync(p)
		p.reader.Next()
		r.answerRequests()
		s, _ := p.reader.Next()
		if answer == nil {
			answer = s
		}
		if s == nil || s != answer {
			t.Fatal("the state was encoded twice")
		}
	}
}

// TestReaderThatStopsCostsNothing: however much is written while a reader stops, the feed
// keeps its bound. The reader gets what it lacks of the document, not all updates.
func TestReaderThatStopsCostsNothing(t *testing.T) {
	r := newTable(t)
	w, p := newReader("w", 1, false), newReader("p", 2, true)
	r.join(w)
	r.join(p)
	text := strings.Repeat("x", 10<<10)
	for range 200 {
		r.write(w, text)
		u, err := w.doc.DeleteText("t", 0, len(text))
		if err != nil {
			t.Fatal(err)
		}
		r.do(command{kind: commandMessage, peer: w, body: update(u)})
		r.flushAll()
		if _, bytes := r.feed.Size(); bytes > feed.KeptBytes {
			t.Fatalf("the feed keeps %d bytes, want at most %d", bytes, feed.KeptBytes)
		}
	}
	got := 0
	for range 10 {
		for {
			u, ok := p.read(t)
			if !ok {
				break
			}
			got += len(u)
		}
		r.answerRequests()
	}
	if string(p.doc.EncodeStateAsUpdate(nil)) != string(r.state.doc.EncodeStateAsUpdate(nil)) {
		t.Error("the reader does not have the room's document")
	}
	if got > 100<<10 {
		t.Errorf("the reader got %d bytes for a document of %d", got, len(r.state.doc.EncodeStateAsUpdate(nil)))
	}
}

// TestManyStatesAreSentInSmallBodies: stock clients send the states back in a frame that
// may be larger.
func TestManyStatesAreSentInSmallBodies(t *testing.T) {
	r := newTable(t)
	for i := range 300 {
		p := newReader(fmt.Sprint(i), uint64(i+1), true)
		r.join(p)
		r.do(command{kind: commandMessage, peer: p, now: start, body: aware(uint64(i+1), 1, `{"user":"`+strings.Repeat("n", 500)+`"}`)})
	}
	r.flushAll()
	p := newReader("new", 1000, true)
	r.join(p)
	for {
		s, _ := p.reader.Next()
		if s == nil {
			break
		}
		if len(s.Body) > feed.AwarenessFrameBytes+600 {
			t.Fatalf("a body of %d bytes", len(s.Body))
		}
		b, err := wire.DecodeBody(s.Body)
		if err != nil {
			t.Fatal(err)
		}
		states, err := awareness.Decode(b.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range states {
			p.aware[st.ClientID] = string(st.JSON)
		}
	}
	if len(p.aware) != 300 {
		t.Errorf("the reader has %d states, want 300", len(p.aware))
	}
}

// TestAwarenessChangesAreMerged: however often a client's state has changed, its last
// state is sent once.
func TestAwarenessChangesAreMerged(t *testing.T) {
	r := newTable(t)
	a, b := newReader("a", 1, true), newReader("b", 2, true)
	r.join(a)
	r.join(b)
	for clock := range uint64(100) {
		r.do(command{kind: commandMessage, peer: a, now: start, body: aware(1, clock+1, fmt.Sprintf(`{"x":%d}`, clock))})
	}
	r.flushAll()
	for range 3 {
		b.read(t)
	}
	if b.frames != 1 || b.aware[1] != `{"x":99}` {
		t.Errorf("%d frames, the last state is %q", b.frames, b.aware[1])
	}
	// A renewal says nothing new, and keeps a client alive elsewhere.
	r.do(command{kind: commandMessage, peer: a, now: start, body: aware(1, 101, `{"x":99}`)})
	r.flushAll()
	if b.read(t); b.frames != 2 {
		t.Error("a renewal is not passed on")
	}
}

// busyPeer reads in Wake, on the goroutine that works for the room, as an idle connection
// does.
type busyPeer struct {
	reader
	mu     sync.Mutex
	change chan struct{}
}

func (p *busyPeer) Wake(c *feed.Reader) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		s, _ := c.Next()
		if s == nil {
			break
		}
		p.frames++
		if b, err := wire.DecodeBody(s.Body); err == nil && b.IsUpdate() {
			_, _ = p.doc.ApplyUpdate(b.Payload)
		}
	}
	select {
	case p.change <- struct{}{}:
	default:
	}
}

// TestBusyRoomFlushesInTicks: updates that arrive faster than peers can be written to
// share frames, and the last update arrives without a further one.
func TestBusyRoomFlushesInTicks(t *testing.T) {
	s := openStore(t, t.TempDir())
	h := NewHub(HubOptions{Store: s, Log: quietLog})
	r, release, err := h.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	w := newListener()
	mustJoin(t, r, w)
	var readers []*busyPeer
	for range 50 {
		p := &busyPeer{reader: *newReader("", 0, false), change: make(chan struct{}, 1)}
		readers = append(readers, p)
		mustJoin(t, r, p)
	}
	author := crdt.New(crdt.Options{ClientID: 5})
	const n = 2000
	for i := range n {
		u, err := author.InsertText("t", i, "x")
		if err != nil {
			t.Fatal(err)
		}
		r.Receive(w, update(u))
	}
	w.waitAck(t, n)
	deadline := time.After(90 * time.Second)
	for i, p := range readers {
		for {
			p.mu.Lock()
			got, frames := p.doc.Text("t").Length(), p.frames
			p.mu.Unlock()
			if got == n {
				if frames > n/2 {
					t.Errorf("reader %d took %d frames for %d updates", i, frames, n)
				}
				break
			}
			select {
			case <-p.change:
			case <-deadline:
				t.Fatalf("reader %d has %d of %d", i, got, n)
			}
		}
	}
	release()
	if err := errors.Join(h.Close(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// next returns the next body of a reader, nil if there is none.
func next(c *feed.Reader) *feed.Shared {
	s, _ := c.Next()
	return s
}
