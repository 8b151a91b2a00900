package ws

import (
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weft/server/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wireLog stands where Melody would.
type wireLog struct {
	queue
	written [][]byte
	slowed  int
	resyncs []time.Time
}

func newWireLog(l Limits) *wireLog {
	w := &wireLog{}
	w.write = func(f []byte) error { w.written = append(w.written, f); return nil }
	w.slow = func() { w.slowed++ }
	w.again = func(*peer) { w.resyncs = append(w.resyncs, time.Now()) }
	w.limit = l
	return w
}

// drain writes all that waits, as a socket that reads would let it.
func (w *wireLog) drain() {
	for w.flying > 0 && len(w.behind) == 0 || w.flying > 1 {
		w.sent()
	}
}

func frames(n, size int) [][]byte {
	f := make([][]byte, n)
	for i := range f {
		f[i] = make([]byte, size)
		f[i][0] = byte(i)
	}
	return f
}

func TestQueueKeepsOrderAndAWindow(t *testing.T) {
	w := newWireLog(DefaultLimits())
	p := &peer{}
	for _, f := range frames(50, 10) {
		w.push(queued{peer: p, class: room.Document, frame: f})
		if w.flying > window {
			t.Fatalf("%d frames with Melody", w.flying)
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

func TestFullQueueLetsGoOfWhatCanBeHealed(t *testing.T) {
	l := DefaultLimits()
	l.Queue = 10_000
	w := newWireLog(l)
	p := &peer{}
	w.push(queued{peer: p, class: room.Event, frame: []byte("first")})
	w.push(queued{peer: p, class: room.Event, frame: []byte("second")})
	w.push(queued{peer: p, class: room.Event, frame: []byte("third")})
	for _, f := range frames(1000, 100) {
		w.push(queued{peer: p, class: room.Document, frame: f})
		if w.bytes > l.Queue+100 {
			t.Fatalf("%d bytes wait, the limit is %d", w.bytes, l.Queue)
		}
	}
	if !w.behind[p] || w.slowed != 0 {
		t.Fatalf("behind %v, closed %d times", w.behind[p], w.slowed)
	}
	w.drain()
	if got := string(w.written[2]); len(w.written) != 3 || got != "third" {
		t.Errorf("%d frames written, the third is %.20q", len(w.written), got)
	}
}

// TestFallingBehindAgainAndAgain: a reader that is a little too slow for a fast
// writer keeps its connection, and costs one whole state a second.
func TestFallingBehindAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := DefaultLimits()
		l.Queue = 10_000
		w := newWireLog(l)
		p := &peer{}
		begin := time.Now()
		for range 100 { // 10 s, in each tenth of which it falls behind
			for _, f := range frames(200, 100) {
				w.push(queued{peer: p, class: room.Document, frame: f})
			}
			for w.flying > 0 {
				w.sent()
			}
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
		if w.slowed != 0 || w.closed {
			t.Error("the connection was closed")
		}
		if n := len(w.resyncs); n < 9 || n > 11 {
			t.Errorf("%d resyncs in %v", n, time.Since(begin))
		}
		// Quiet now, it is caught up once more and then left alone.
		time.Sleep(time.Minute)
		synctest.Wait()
		if w.behind[p] || w.later != nil || len(w.resyncs) > 11 {
			t.Errorf("behind %v, %d resyncs", w.behind[p], len(w.resyncs))
		}
	})
}

func TestQueueFullOfEventsEndsTheConnection(t *testing.T) {
	l := DefaultLimits()
	l.QueueLen = 10
	w := newWireLog(l)
	for _, f := range frames(20, 10) {
		w.push(queued{peer: &peer{}, class: room.Event, frame: f})
	}
	if w.slowed != 1 || !w.closed || len(w.frames) != 0 {
		t.Errorf("closed %d times, %d frames kept", w.slowed, len(w.frames))
	}
	w.push(queued{frame: []byte("late")})
	if len(w.written) != window {
		t.Errorf("%d frames written", len(w.written))
	}
}

// TestLargeFrameGoesAloneThoughOverTheLimit: the state of a large document is
// one frame.
func TestLargeFrameGoesThoughItIsOverTheLimit(t *testing.T) {
	l := DefaultLimits()
	l.Queue = 100
	w := newWireLog(l)
	w.push(queued{peer: &peer{}, class: room.Document, frame: make([]byte, 5000)})
	if len(w.written) != 1 || w.slowed != 0 {
		t.Errorf("%d frames written, closed %d times", len(w.written), w.slowed)
	}
}
