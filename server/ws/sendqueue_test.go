package ws

import (
	"errors"
	"maps"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// recordingSendQueue is a sendQueue whose frames are recorded instead of given to Melody.
type recordingSendQueue struct {
	sendQueue
	written    [][]byte
	closedSlow int            // times
	reached    map[string]int // limits
}

func newRecordingSendQueue(l Limits) *recordingSendQueue {
	w := &recordingSendQueue{reached: map[string]int{}}
	w.write = func(f []byte) (bool, error) { w.written = append(w.written, f); return false, nil }
	w.closeConn = func(string) { w.closedSlow++ }
	w.limits = countingLimits(l, w.reached)
	return w
}

// drain lets the queue write everything, as Melody does when the client reads.
func (w *recordingSendQueue) drain() {
	for w.writing {
		w.sent()
	}
}

// TestSendQueueGivesMelodyOneFrameAtATime in the order in which they were queued.
func TestSendQueueGivesMelodyOneFrameAtATime(t *testing.T) {
	w := newRecordingSendQueue(DefaultLimits())
	for i := range 50 {
		w.push([]byte{byte(i)})
		if len(w.written) != 1 {
			t.Fatalf("%d frames were written, want 1", len(w.written))
		}
	}
	w.drain()
	if len(w.written) != 50 {
		t.Fatalf("%d frames were written, want 50", len(w.written))
	}
	for i, f := range w.written {
		if f[0] != byte(i) {
			t.Fatalf("frame %d was written as number %d", f[0], i)
		}
	}
}

// TestFullSendQueueClosesTheConnection and drops its frames.
func TestFullSendQueueClosesTheConnection(t *testing.T) {
	for name, limit := range map[string]func(*Limits){
		"frames": func(l *Limits) { l.QueueLen = 10 },
		"bytes":  func(l *Limits) { l.Queue = 100 },
	} {
		l := DefaultLimits()
		limit(&l)
		w := newRecordingSendQueue(l)
		for range 20 {
			w.push(make([]byte, 10))
		}
		if w.closedSlow != 1 || !w.closed || len(w.frames) != 0 {
			t.Errorf("%s: closed %d times, %d frames kept; want 1, 0", name, w.closedSlow, len(w.frames))
		}
		w.push([]byte("late"))
		if len(w.written) != 1 {
			t.Errorf("%s: %d frames were written, want 1", name, len(w.written))
		}
	}
}

// TestFailedWriteClosesTheConnection with a reason of its own: the client is not too slow.
func TestFailedWriteClosesTheConnection(t *testing.T) {
	w := newRecordingSendQueue(DefaultLimits())
	w.write = func([]byte) (bool, error) { return false, errors.New("broken pipe") }
	var reasons []string
	w.closeConn = func(reason string) { reasons = append(reasons, reason) }
	w.push([]byte("x"))
	if len(reasons) != 1 || reasons[0] != reasonWriteFailed || !w.closed {
		t.Errorf("closed with reasons %q, want %q", reasons, reasonWriteFailed)
	}
}

// TestSendQueueAtItsLimit: the queue may reach its limits. The frame that exceeds the one in
// bytes is the last that is queued.
func TestSendQueueAtItsLimit(t *testing.T) {
	l := DefaultLimits()
	w := newRecordingSendQueue(l)
	for range 1 + l.QueueLen { // Melody has one of them
		w.push([]byte("x"))
	}
	if w.closedSlow != 0 || len(w.frames) != 1000 {
		t.Errorf("%d frames queued, closed %d times; want 1,000 and 0", len(w.frames), w.closedSlow)
	}
	if w.push([]byte("x")); w.closedSlow != 1 || !maps.Equal(w.reached, map[string]int{"queue-frames": 1}) {
		t.Errorf("one frame more: closed %d times, limits reached %v", w.closedSlow, w.reached)
	}
	w = newRecordingSendQueue(l)
	w.push(nil)
	for range 64 {
		w.push(make([]byte, 16<<10))
	}
	if w.closedSlow != 0 || w.bytes != 1<<20 {
		t.Errorf("%d bytes queued, closed %d times; want the limit of 1 MiB and 0", w.bytes, w.closedSlow)
	}
	w.push([]byte("x"))
	if w.closedSlow != 0 || w.bytes != 1<<20+1 {
		t.Errorf("%d bytes queued, closed %d times; want the limit of 1 MiB and 0", w.bytes, w.closedSlow)
	}
	if w.push([]byte("x")); w.closedSlow != 1 || !maps.Equal(w.reached, map[string]int{"queue": 1}) {
		t.Errorf("one frame more: closed %d times, limits reached %v", w.closedSlow, w.reached)
	}
}

// TestFrameLargerThanTheQueueIsWritten: the limit is on the queue, not on a frame.
func TestFrameLargerThanTheQueueIsWritten(t *testing.T) {
	l := DefaultLimits()
	l.Queue = 100
	w := newRecordingSendQueue(l)
	w.push(make([]byte, 5000))
	if len(w.written) != 1 || w.closedSlow != 0 {
		t.Errorf("%d frames were written, closed %d times; want 1, 0", len(w.written), w.closedSlow)
	}
}

// TestPeersTakeTurns: a peer that always has a frame delays neither another peer nor
// queued frames.
func TestPeersTakeTurns(t *testing.T) {
	w := newRecordingSendQueue(DefaultLimits())
	c := &conn{}
	a, b := &peer{conn: c, prefix: "a"}, &peer{conn: c, prefix: "b"}
	ack := func(p *peer) { // as a room does after each commit
		p.acked++
		w.wake(p)
	}
	w.push([]byte("e"))
	for range 10 {
		ack(a)
		ack(b)
		w.push([]byte("e"))
		w.sent()
	}
	count := map[byte]int{}
	for _, f := range w.written {
		count[f[0]]++
	}
	if count['a'] < 2 || count['b'] < 2 || count['e'] < 4 {
		t.Errorf("frames written: %d of peer a, %d of peer b, %d queued ones; want some of each", count['a'], count['b'], count['e'])
	}
	w.drain()
	if a.acked != 0 || b.acked != 0 || len(w.ready) != 0 || len(w.frames) != 0 || w.writing {
		t.Error("frames or peers are left after everything was written")
	}
}
