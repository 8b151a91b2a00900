package ws

import (
	"log/slog"
	"testing"

	"weft/server/auth"
	"weft/server/room"
)

// TestNothingIsSentOnAChannelThatWasLeft: the client may have given its number to another
// room by now, and a late update would damage that room's document.
func TestNothingIsSentOnAChannelThatWasLeft(t *testing.T) {
	hub := room.NewHub(room.HubOptions{Store: deadDisk{}, Log: slog.New(slog.DiscardHandler)})
	live, release, err := hub.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{}
	written := 0
	c.out.write = func([]byte) (bool, error) { written++; return false, nil }
	c.out.limits = countingLimits(DefaultLimits(), nil)
	p := &peer{conn: c, room: live, channel: 1}
	p.Acked(1)
	p.leave()
	p.Deliver(room.Document, []byte("of the old room"))
	p.Acked(2)
	if written != 1 {
		t.Errorf("%d frames written, want 1: that before the peer left", written)
	}
	release()
	if err := hub.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestJoinBufferIsBounded: the store may take long to answer a join.
func TestJoinBufferIsBounded(t *testing.T) {
	hub := room.NewHub(room.HubOptions{Store: deadDisk{}, Log: slog.New(slog.DiscardHandler)})
	live, release, err := hub.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{}
	frames := make(chan []byte, 100)
	c.out.write = func(f []byte) (bool, error) { frames <- f; return false, nil }
	slow := 0
	c.out.closeConn = func(string) { slow++ }
	c.out.limits = countingLimits(DefaultLimits(), nil)
	c.out.limits.Queue = 10_000
	p := &peer{conn: c, room: live, channel: 1, prefix: "\x01"}
	p.startBuffer()
	p.Deliver(room.Stateless, []byte("first"))
	if err := live.Join(p, room.PeerInfo{Role: auth.Write}); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		p.Deliver(room.Stateless, make([]byte, 100))
	}
	if slow > 0 || len(frames) > 0 {
		t.Errorf("closed %d times, %d frames written before flushBuffer; want none", slow, len(frames))
	}
	p.flushBuffer()
	if f := <-frames; string(f) != "\x01first" {
		t.Errorf("the first frame is %q, want that of the first body", f)
	}
	p.leave()

	p = &peer{conn: c, room: live, channel: 2, prefix: "\x02"}
	p.startBuffer()
	for range 1000 {
		p.Deliver(room.Stateless, make([]byte, 100))
		if p.buffer.bytes > c.out.limits.Queue+101 {
			t.Fatalf("%d bytes are buffered, the limit is %d", p.buffer.bytes, c.out.limits.Queue)
		}
	}
	if slow == 0 {
		t.Error("the connection was not closed, though the buffer was full")
	}
	p.leave()
	release()
	if err := hub.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
