package ws

import (
	"maps"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wireLog stands where Melody would.
type wireLog struct {
	outbox
	written [][]byte
	slowed  int
	hits    map[string]int
}

func newWireLog(l Limits) *wireLog {
	w := &wireLog{hits: map[string]int{}}
	w.write = func(f []byte) (bool, error) { w.written = append(w.written, f); return false, nil }
	w.onSlow = func() { w.slowed++ }
	w.limits = counted(l, w.hits)
	return w
}

// drain writes all that waits, as a socket that reads would let it.
func (w *wireLog) drain() {
	for w.writing {
		w.sent()
	}
}

func TestOutboxKeepsOrderAndGivesOneFrameAtATime(t *testing.T) {
	w := newWireLog(DefaultLimits())
	for i := range 50 {
		w.push([]byte{byte(i)})
		if len(w.written) != 1 {
			t.Fatalf("%d frames with Melody", len(w.written))
		}
	}
	w.drain()
	if len(w.written) != 50 {
		t.Fatalf("%d frames written", len(w.written))
	}
	for i, f := range w.written {
		if f[0] != byte(i) {
			t.Fatalf("frame %d came as number %d", f[0], i)
		}
	}
}

func TestOutboxFullOfWhatMustArriveEndsTheConnection(t *testing.T) {
	for name, limit := range map[string]func(*Limits){
		"frames": func(l *Limits) { l.QueueLen = 10 },
		"bytes":  func(l *Limits) { l.Queue = 100 },
	} {
		l := DefaultLimits()
		limit(&l)
		w := newWireLog(l)
		for range 20 {
			w.push(make([]byte, 10))
		}
		if w.slowed != 1 || !w.closed || len(w.frames) != 0 {
			t.Errorf("%s: closed %d times, %d frames kept", name, w.slowed, len(w.frames))
		}
		w.push([]byte("late"))
		if len(w.written) != 1 {
			t.Errorf("%s: %d frames written", name, len(w.written))
		}
	}
}

// TestOutboxAtItsLimit: what waits may reach the limit, and the frame that makes it
// more is the last that is taken.
func TestOutboxAtItsLimit(t *testing.T) {
	l := DefaultLimits()
	w := newWireLog(l)
	for range 1 + l.QueueLen { // one of them is with Melody
		w.push([]byte("x"))
	}
	if w.slowed != 0 || len(w.frames) != 1000 {
		t.Errorf("%d frames wait, closed %d times", len(w.frames), w.slowed)
	}
	if w.push([]byte("x")); w.slowed != 1 || !maps.Equal(w.hits, map[string]int{"queue-frames": 1}) {
		t.Errorf("one frame more: closed %d times, %v are counted", w.slowed, w.hits)
	}
	w = newWireLog(l)
	w.push(nil)
	for range 64 {
		w.push(make([]byte, 16<<10))
	}
	if w.slowed != 0 || w.bytes != 1<<20 {
		t.Errorf("%d bytes wait, closed %d times", w.bytes, w.slowed)
	}
	w.push([]byte("x"))
	if w.slowed != 0 || w.bytes != 1<<20+1 {
		t.Errorf("%d bytes wait, closed %d times", w.bytes, w.slowed)
	}
	if w.push([]byte("x")); w.slowed != 1 || !maps.Equal(w.hits, map[string]int{"queue": 1}) {
		t.Errorf("another frame with more than the limit waiting: closed %d times, %v are counted", w.slowed, w.hits)
	}
}

// TestLargeFrameGoesThoughItIsOverTheLimit: the limit is on what waits.
func TestLargeFrameGoesThoughItIsOverTheLimit(t *testing.T) {
	l := DefaultLimits()
	l.Queue = 100
	w := newWireLog(l)
	w.push(make([]byte, 5000))
	if len(w.written) != 1 || w.slowed != 0 {
		t.Errorf("%d frames written, closed %d times", len(w.written), w.slowed)
	}
}

// TestPeersTakeTurns: a channel that always has something holds up neither
// another channel nor the events.
func TestPeersTakeTurns(t *testing.T) {
	w := newWireLog(DefaultLimits())
	c := &conn{}
	a, b := &peer{conn: c, prefix: "a"}, &peer{conn: c, prefix: "b"}
	acked := func(p *peer) { // as a room whose every commit counts
		p.acked++
		w.wake(p)
	}
	w.push([]byte("e"))
	for range 10 {
		acked(a)
		acked(b)
		w.push([]byte("e"))
		w.sent()
	}
	seen := map[byte]int{}
	for _, f := range w.written {
		seen[f[0]]++
	}
	if seen['a'] < 2 || seen['b'] < 2 || seen['e'] < 4 {
		t.Errorf("frames written: %d of a, %d of b, %d events", seen['a'], seen['b'], seen['e'])
	}
	w.drain()
	if a.acked != 0 || b.acked != 0 || len(w.ready) != 0 || len(w.frames) != 0 || w.writing {
		t.Errorf("something is left")
	}
}
