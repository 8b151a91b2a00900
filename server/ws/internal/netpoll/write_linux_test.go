//go:build linux && (amd64 || arm64)

package netpoll

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// newWritePair returns a polled connection under gorilla, with small buffers in the
// kernel, and its client.
func newWritePair(t *testing.T) (c *pollConn, server, client *websocket.Conn) {
	t.Helper()
	s := newTestServer(t, Options{})
	server, client = s.connect(t, refuse{})
	if err := client.NetConn().(*net.TCPConn).SetReadBuffer(256 << 10); err != nil {
		t.Fatal(err)
	}
	c = server.NetConn().(*pollConn)
	if err := syscall.SetsockoptInt(c.fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 64<<10); err != nil {
		t.Fatal(err)
	}
	return c, server, client
}

// TestWrittenFramesStayWholeAndInOrder: whether TryWrite or gorilla writes each of them,
// with pings in between.
func TestWrittenFramesStayWholeAndInOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	c, server, client := newWritePair(t)
	const frames = 3000
	var all sync.WaitGroup
	written := make(chan struct{})
	full := make(chan struct{}, 1) // holds a token when the kernel took no more
	var pings, begun atomic.Int64
	all.Go(func() {
		for {
			select {
			case <-written:
				return
			default:
				if err := server.WriteControl(websocket.PingMessage, []byte("ping"), time.Now().Add(time.Minute)); err != nil {
					t.Error(err)
					return
				}
				pings.Add(1)
			}
		}
	})
	all.Go(func() {
		defer close(written)
		for i := range frames {
			size := []int{4, 120, 126, 5000, maxTryWrite, maxTryWrite + 1, 1 << 16}[rnd.IntN(7)]
			f := bytes.Repeat([]byte{byte(i)}, max(4, size-rnd.IntN(3)))
			binary.BigEndian.PutUint32(f, uint32(i))
			if rnd.IntN(64) > 0 && c.TryWrite(f) {
				continue
			}
			select {
			case full <- struct{}{}:
			default:
			}
			c.writing.Lock()
			if c.duplicate {
				begun.Add(1)
			}
			c.writing.Unlock()
			_ = server.SetWriteDeadline(time.Now().Add(time.Minute))
			if err := server.WriteMessage(websocket.BinaryMessage, f); err != nil {
				t.Error(err)
				return
			}
		}
	})
	received := int64(0) // pings
	client.SetPingHandler(func(string) error { received++; return nil })
	for i := range frames {
		if i%100 == 0 {
			select {
			case <-full:
			case <-written:
			}
		}
		kind, f, err := client.ReadMessage()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if kind != websocket.BinaryMessage || binary.BigEndian.Uint32(f) != uint32(i) || bytes.Count(f[4:], []byte{byte(i)}) != len(f)-4 {
			t.Fatalf("frame %d: got kind %d, %d bytes, number %d", i, kind, len(f), binary.BigEndian.Uint32(f))
		}
	}
	all.Wait()
	t.Logf("%d pings sent, %d received before the last frame, %d frames begun by TryWrite and completed by gorilla", pings.Load(), received, begun.Load())
	if received == 0 || begun.Load() == 0 {
		t.Errorf("got %d pings and %d frames in two parts, want some of each", received, begun.Load())
	}
}

// TestTryWriteDoesNotBlock: a client that does not read costs the server the rest of one
// frame.
func TestTryWriteDoesNotBlock(t *testing.T) {
	c, server, client := newWritePair(t)
	f := make([]byte, maxTryWrite)
	n := 0
	for c.TryWrite(f) { // ends, as the client does not read
		n++
	}
	for range 100 {
		if c.duplicate && c.TryWrite(f) {
			t.Fatal("TryWrite wrote a frame between the two parts of another")
		}
	}
	if len(c.rest) > maxTryWrite+maxServerHead {
		t.Errorf("%d bytes of a frame are kept, want at most %d", len(c.rest), maxTryWrite+maxServerHead)
	}
	var err error
	for { // the kernel may have made some more room meanwhile
		_ = server.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		if err = server.WriteMessage(websocket.BinaryMessage, f); err != nil {
			break
		}
		n++
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a blocked Write ended with %v, want a timeout", err)
	}
	for range n {
		if _, got, err := client.ReadMessage(); err != nil || len(got) != len(f) {
			t.Fatalf("got %d bytes, error %v; want %d bytes", len(got), err, len(f))
		}
	}
}

// TestNoFrameFollowsAClose: RFC 6455, 5.5.1.
func TestNoFrameFollowsAClose(t *testing.T) {
	c, server, client := newWritePair(t)
	if !c.TryWrite([]byte("before")) {
		t.Fatal("TryWrite did not write a small frame")
	}
	if err := server.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1012, ""), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if c.TryWrite([]byte("after")) {
		t.Error("TryWrite wrote a frame after the close frame")
	}
	if _, got, err := client.ReadMessage(); string(got) != "before" || err != nil {
		t.Errorf("got %q, error %v; want the frame before the close", got, err)
	}
	if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, 1012) {
		t.Errorf("got error %v, want close code 1012", err)
	}
}
