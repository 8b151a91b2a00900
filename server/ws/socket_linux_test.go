//go:build linux && (amd64 || arm64)

package ws

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// socketPair is a socket under gorilla, with little room in the kernel, and its
// client.
func socketPair(t *testing.T) (s *socket, server, client *websocket.Conn) {
	t.Helper()
	p, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	up := websocket.Upgrader{WriteBufferPool: &sync.Pool{}}
	got := make(chan *websocket.Conn, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(hijacker{w, &conn{door: &Door{poller: p}}}, r, nil)
		if err != nil {
			t.Error(err)
		}
		got <- c
	}))
	t.Cleanup(srv.Close)
	d := websocket.Dialer{NetDial: func(network, addr string) (net.Conn, error) {
		c, err := net.Dial(network, addr)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(256 << 10)
		}
		return c, err
	}}
	client, _, err = d.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	server = <-got
	s = server.NetConn().(*socket)
	t.Cleanup(func() { client.Close(); s.drop() })
	if err := syscall.SetsockoptInt(s.fd, syscall.SOL_SOCKET, syscall.SO_SNDBUF, 64<<10); err != nil {
		t.Fatal(err)
	}
	s.open()
	return s, server, client
}

// TestFramesStayWholeAndInOrder: whichever way each goes, and with pings in between.
func TestFramesStayWholeAndInOrder(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	s, server, client := socketPair(t)
	const frames = 3000
	var all sync.WaitGroup
	pinging := make(chan struct{})
	full := make(chan struct{}, 1) // a token when the kernel took no more
	var pings, begun atomic.Int64
	all.Go(func() {
		for {
			select {
			case <-pinging:
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
		defer close(pinging)
		for i := range frames {
			size := []int{4, 120, 126, 5000, tryMost, tryMost + 1, 1 << 16}[rnd.IntN(7)]
			f := bytes.Repeat([]byte{byte(i)}, max(4, size-rnd.IntN(3)))
			binary.BigEndian.PutUint32(f, uint32(i))
			if rnd.IntN(64) > 0 && s.try(f) {
				continue
			}
			select {
			case full <- struct{}{}:
			default:
			}
			s.writing.Lock()
			if s.again {
				begun.Add(1)
			}
			s.writing.Unlock()
			_ = server.SetWriteDeadline(time.Now().Add(time.Minute))
			if err := server.WriteMessage(websocket.BinaryMessage, f); err != nil {
				t.Error(err)
				return
			}
		}
	})
	heard := int64(0)
	client.SetPingHandler(func(string) error { heard++; return nil })
	for i := range frames {
		if i%100 == 0 {
			select {
			case <-full:
			case <-pinging: // all is written
			}
		}
		kind, f, err := client.ReadMessage()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if kind != websocket.BinaryMessage || binary.BigEndian.Uint32(f) != uint32(i) || bytes.Count(f[4:], []byte{byte(i)}) != len(f)-4 {
			t.Fatalf("frame %d: kind %d, %d bytes, number %d", i, kind, len(f), binary.BigEndian.Uint32(f))
		}
	}
	all.Wait()
	t.Logf("%d pings, %d heard by the last frame, %d frames were begun past the pump and ended by it", pings.Load(), heard, begun.Load())
	if heard == 0 || begun.Load() == 0 {
		t.Error("too little happened")
	}
}

// TestTryDoesNotWait: a peer that does not read costs what it is given, once.
func TestTryDoesNotWait(t *testing.T) {
	s, server, client := socketPair(t)
	f := make([]byte, tryMost)
	n := 0
	for s.try(f) { // ends, as nobody reads
		n++
	}
	for range 100 {
		if s.again && s.try(f) { // nothing may come between a frame's parts
			t.Fatal("a frame was written into another")
		}
	}
	if len(s.owed) > tryMost+headBytes {
		t.Errorf("%d bytes are kept", len(s.owed))
	}
	var err error
	for { // the kernel may have found some more room meanwhile
		_ = server.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
		if err = server.WriteMessage(websocket.BinaryMessage, f); err != nil {
			break
		}
		n++
	}
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("a write that waits ended with %v, not at its deadline", err)
	}
	for range n {
		if _, got, err := client.ReadMessage(); err != nil || len(got) != len(f) {
			t.Fatalf("%d bytes, %v", len(got), err)
		}
	}
}

// TestNothingFollowsAClose: RFC 6455, 5.5.1.
func TestNothingFollowsAClose(t *testing.T) {
	s, server, client := socketPair(t)
	if !s.try([]byte("before")) {
		t.Fatal("a small frame was not written")
	}
	if err := server.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1012, ""), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if s.try([]byte("after")) {
		t.Error("a frame followed the close")
	}
	if _, got, err := client.ReadMessage(); string(got) != "before" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, 1012) {
		t.Error(err)
	}
}
