package room

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// news is an event of any size.
type news struct {
	Text string `json:"text"`
}

func (news) EventName() string { return "news" }

// newsOf returns an event whose native form has size bytes.
func newsOf(size int) *event.Encoded {
	e := event.New(news{strings.Repeat("x", size)})
	return event.New(news{strings.Repeat("x", 2*size-len(e.Native()))})
}

// TestEventsAtTheirLimit: the event queue accepts events up to its limit and the one that
// exceeds it. One more ends the room, and its peers reconnect.
func TestEventsAtTheirLimit(t *testing.T) {
	e := newEventQueue()
	for range maxEventBytes / 1024 {
		if !e.put(queuedEvent{event: newsOf(1024)}, maxEventBytes) {
			t.Fatal("an event was refused below the limit")
		}
	}
	if !e.put(queuedEvent{event: newsOf(100)}, maxEventBytes) || e.bytes != maxEventBytes+100 {
		t.Errorf("the event that exceeds the limit was refused, with %d bytes queued", e.bytes)
	}
	if e.put(queuedEvent{event: newsOf(100)}, maxEventBytes) {
		t.Error("an event was accepted above the limit")
	}
	if got := e.take(); len(got) != maxEventBytes/1024+1 || !e.put(queuedEvent{event: newsOf(100)}, maxEventBytes) {
		t.Errorf("take returned %d events", len(got))
	}

	synctest.Test(t, func(t *testing.T) {
		h := diskHub(newDisk())
		r, release, err := h.Open(t.Context(), store.RoomID("r"))
		if err != nil {
			t.Fatal(err)
		}
		a := newListener()
		mustJoin(t, r, a)
		r.mu.Lock() // another goroutine works for the room for long
		for range maxEventBytes>>20 + 2 {
			r.Broadcast(newsOf(1 << 20))
		}
		r.mu.Unlock()
		synctest.Wait()
		a.mu.Lock()
		if a.closed != wire.CloseOverload {
			t.Errorf("closed with %d", a.closed)
		}
		a.mu.Unlock()
		release()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestEventsOfASmallRoomAreDeliveredByTheirSender: after Broadcast or Relay has returned, the
// peers of a small room that is at rest have the event, without the room's goroutine.
func TestEventsOfASmallRoomAreDeliveredByTheirSender(t *testing.T) {
	r := newTable(t)
	a, b := newListener(), newListener()
	for _, p := range []*listener{a, b} {
		r.do(joinOf(p, PeerInfo{}))
	}
	news := func() [2]int { return [2]int{a.news, b.news} }
	before := news()
	r.Broadcast(newsOf(100))
	if got, want := news(), [2]int{before[0] + 1, before[1] + 1}; got != want {
		t.Errorf("after Broadcast the peers have got %v bodies, want %v", got, want)
	}
	r.Relay(a, []byte("stateless"))
	if got, want := news(), [2]int{before[0] + 1, before[1] + 2}; got != want {
		t.Errorf("after Relay the peers have got %v bodies, want %v", got, want)
	}
	for range smallRoom {
		r.do(joinOf(newListener(), PeerInfo{}))
	}
	before = news()
	r.Broadcast(newsOf(100))
	if got := news(); got != before {
		t.Errorf("in a large room the sender delivers an event itself")
	}
	r.work(r.deliverEvents)
	if got, want := news(), [2]int{before[0] + 1, before[1] + 1}; got != want {
		t.Errorf("the room's goroutine has delivered %v bodies, want %v", got, want)
	}
}

// TestRelayWaitsForTheRoom: relayed messages of clients cannot fill the event queue, which would
// end the room. Their sender waits instead, and events of the server are accepted meanwhile.
func TestRelayWaitsForTheRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := diskHub(newDisk())
		r, release, err := h.Open(t.Context(), store.RoomID("r"))
		if err != nil {
			t.Fatal(err)
		}
		a := newListener()
		mustJoin(t, r, a)
		synctest.Wait()
		before := a.news
		const messages = 100
		sent := 0
		busy := make(chan struct{}) // until it is closed, the room's goroutine is busy
		go func() { _ = r.read(t.Context(), func(*crdt.Doc) { <-busy }) }()
		synctest.Wait()
		go func() {
			for range messages {
				r.Relay(nil, make([]byte, 1<<20))
				sent++
			}
		}()
		synctest.Wait()
		if most := maxRelayBytes>>20 + 1; sent > most {
			t.Errorf("%d messages of 1 MiB are queued, want at most %d", sent, most)
		}
		r.Broadcast(newsOf(100))
		close(busy)
		synctest.Wait()
		a.mu.Lock()
		if a.closed != 0 || a.news-before != messages+1 {
			t.Errorf("closed with %d after %d bodies, want %d and no close", a.closed, a.news-before, messages+1)
		}
		a.mu.Unlock()
		release()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// numbered is an event of one of several callers of Broadcast, who number theirs from 1.
type numbered struct {
	Caller int `json:"caller"`
	N      int `json:"n"`
}

func (numbered) EventName() string { return "numbered" }

// eventChecker is a peer that checks that it gets the events of each caller without gaps.
type eventChecker struct {
	*listener
	t      *testing.T
	last   [4]int        // by caller; 0 before the first event
	caller int           // whose event closes got
	got    chan struct{} // closed with the first event of that caller
}

func (c *eventChecker) DeliverEvent(e *event.Encoded) { // with Room.mu held
	v, ok := e.Event().(numbered)
	if !ok {
		return
	}
	if last := c.last[v.Caller]; last != 0 && v.N != last+1 {
		c.t.Errorf("caller %d: event %d arrived after event %d", v.Caller, v.N, last)
	}
	if c.last[v.Caller] == 0 && v.Caller == c.caller {
		close(c.got)
	}
	c.last[v.Caller] = v.N
}

// TestJoinedPeerGetsEveryLaterEvent: what is broadcast after Join has returned reaches the
// peer, and the events of each caller keep their order without gaps, whether they are
// delivered by their senders or by the room's goroutine.
func TestJoinedPeerGetsEveryLaterEvent(t *testing.T) {
	h := diskHub(newDisk())
	r, release, err := h.Open(t.Context(), store.RoomID("r"))
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var others sync.WaitGroup
	for caller := range 3 {
		others.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				default:
					r.Broadcast(event.New(numbered{caller, n}))
				}
			}
		})
	}
	for range 300 {
		c := &eventChecker{listener: newListener(), t: t, caller: 3, got: make(chan struct{})}
		mustJoin(t, r, c)
		r.Broadcast(event.New(numbered{3, 1}))
		select {
		case <-c.got:
		case <-time.After(30 * time.Second):
			t.Fatal("an event that was broadcast after Join has not arrived in 30 s")
		}
		r.Leave(c)
	}
	close(stop)
	others.Wait()
	release()
	if err := h.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
