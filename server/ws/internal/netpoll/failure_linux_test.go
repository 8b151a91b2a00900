//go:build linux && (amd64 || arm64)

package netpoll

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/ws/internal/netpoll/netpolltest"
)

// failEpoll makes the poller's epoll fail, as an error of epoll_pwait would, and waits
// until all connections have left it.
func failEpoll(t *testing.T, transport *Transport) {
	t.Helper()
	_ = transport.poller.file.Close()
	transport.poller.workers.Wait()
	if transport.IsPolling() {
		t.Fatal("the poller runs on after its epoll has failed")
	}
}

// recorder is a handler that takes about three messages of four, and records all.
type recorder struct {
	mu     sync.Mutex
	chance *rand.Rand
	all    [][]byte
	inline int // of all, handled by TryHandle
}

func (r *recorder) TryHandle(payload []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.chance.IntN(4) == 0 {
		return false
	}
	r.all = append(r.all, payload)
	r.inline++
	return true
}

func (r *recorder) record(payload []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, payload)
}

// readAll reads messages with gorilla until the connection ends.
func (r *recorder) readAll(server *websocket.Conn) {
	for {
		_, payload, err := server.ReadMessage()
		if err != nil {
			return
		}
		r.record(payload)
	}
}

// TestConnectionsSurviveAnEpollFailure: when epoll fails while clients send and receive,
// every message arrives once and in order in both directions, and new connections are
// served.
func TestConnectionsSurviveAnEpollFailure(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	s := newTestServer(t, Options{})
	const (
		conns    = 20
		messages = 400 // in each direction, before the failure and after it
	)
	var half, all, readers sync.WaitGroup // half is done when all have sent half
	failed := make(chan struct{})
	recorders := make([]*recorder, conns)
	for i := range conns {
		rnd := rand.New(rand.NewPCG(seed, uint64(i)))
		r := &recorder{chance: rand.New(rand.NewPCG(seed, uint64(1000+i)))}
		recorders[i] = r
		server, client := s.connect(t, r)
		readers.Go(func() { r.readAll(server) })
		half.Add(2)
		all.Go(func() { sendNumbered(t, client.NetConn(), rnd, messages, half.Done, failed) })
		all.Go(func() { writeNumbered(t, server, messages, half.Done) })
		all.Go(func() { checkNumbered(t, client, messages) })
	}
	half.Wait()
	go func() { defer close(failed); failEpoll(t, s.transport) }() // while some still send
	all.Wait()
	readers.Wait() // the clients have ended their sides
	inline := 0
	for i, r := range recorders {
		if len(r.all) != 2*messages {
			t.Fatalf("connection %d: got %d messages, want %d", i, len(r.all), 2*messages)
		}
		for n, payload := range r.all {
			if got := binary.BigEndian.Uint32(payload); got != uint32(n) {
				t.Fatalf("connection %d: message %d arrived as number %d", i, got, n)
			}
		}
		inline += r.inline
	}
	t.Logf("%d of %d messages were handled inline", inline, conns*2*messages)
	if inline == 0 {
		t.Error("no message was handled inline before the failure")
	}
	server, client := s.connect(t, refuse{})
	if _, ok := server.NetConn().(*lingerConn); !ok {
		t.Errorf("a new connection is a %T, want a lingerConn", server.NetConn())
	}
	if err := client.WriteMessage(websocket.BinaryMessage, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if _, got, err := server.ReadMessage(); string(got) != "new" || err != nil {
		t.Errorf("got %q, error %v from a new connection", got, err)
	}
}

// sendNumbered sends numbered messages in pieces of random size, n of them before it
// calls half and n after that, the last ones when failed is closed. Then it ends its side.
func sendNumbered(t *testing.T, c net.Conn, rnd *rand.Rand, n int, half func(), failed chan struct{}) {
	for i := range 2 * n {
		switch i {
		case n:
			half()
		case 2*n - 10: // and some more by connections that are at rest
			<-failed
		}
		m := make([]byte, 4+rnd.IntN([]int{10, 300, 20_000}[min(rnd.IntN(3), rnd.IntN(3))]))
		binary.BigEndian.PutUint32(m, uint32(i))
		frame := netpolltest.Message(m)
		if cut := rnd.IntN(4 * len(frame)); cut < len(frame) {
			if _, err := c.Write(frame[:cut]); err != nil {
				t.Error(err)
			}
			frame = frame[cut:]
		}
		if _, err := c.Write(frame); err != nil {
			t.Error(err)
			return
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Error(err)
	}
}

// writeNumbered writes numbered messages as a server does: with TryWrite, or else with
// gorilla.
func writeNumbered(t *testing.T, server *websocket.Conn, n int, half func()) {
	for i := range 2 * n {
		if i == n {
			half()
		}
		m := make([]byte, 4+i%7*1000)
		binary.BigEndian.PutUint32(m, uint32(i))
		if server.NetConn().(Conn).TryWrite(m) {
			continue
		}
		_ = server.SetWriteDeadline(time.Now().Add(time.Minute))
		if err := server.WriteMessage(websocket.BinaryMessage, m); err != nil {
			t.Error(err)
			return
		}
	}
}

// checkNumbered reads what writeNumbered writes.
func checkNumbered(t *testing.T, client *websocket.Conn, n int) {
	for i := range 2 * n {
		_, got, err := client.ReadMessage()
		if err != nil || binary.BigEndian.Uint32(got) != uint32(i) || len(got) != 4+i%7*1000 {
			t.Errorf("message %d to a client: got %d bytes, error %v", i, len(got), err)
			return
		}
	}
}

// TestBlockedCallsSurviveAnEpollFailure: a Read that waits, with its deadline, and a
// Write to a client that does not read.
func TestBlockedCallsSurviveAnEpollFailure(t *testing.T) {
	s := newTestServer(t, Options{})
	server, client := s.connect(t, refuse{})
	c := server.NetConn().(*pollConn)
	read := make(chan string)
	go func() {
		defer close(read)
		for {
			_, got, err := server.ReadMessage()
			if err != nil {
				var timeout net.Error
				if !errors.As(err, &timeout) || !timeout.Timeout() {
					t.Errorf("a blocked Read ended with %v, want a timeout", err)
				}
				return
			}
			read <- string(got)
		}
	}()
	large := bytes.Repeat([]byte("x"), 32<<20) // more than the kernel buffers
	written := make(chan error)
	go func() { written <- server.WriteMessage(websocket.BinaryMessage, large) }()
	waitUntil(t, &c.mu, func() bool { return c.reading && c.writable != nil })
	failEpoll(t, s.transport)
	if err := client.WriteMessage(websocket.BinaryMessage, []byte("after")); err != nil {
		t.Fatal(err)
	}
	if got := <-read; got != "after" {
		t.Errorf("read %q, want what the client sent after the failure", got)
	}
	if _, got, err := client.ReadMessage(); !bytes.Equal(got, large) || err != nil {
		t.Errorf("the client got %d bytes, error %v; want %d", len(got), err, len(large))
	}
	if err := <-written; err != nil {
		t.Error(err)
	}
	if err := server.SetReadDeadline(time.Now().Add(10 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	<-read // ends at the deadline
}

// waitUntil waits until done, which is called with mu held.
func waitUntil(t *testing.T, mu *sync.Mutex, done func() bool) {
	t.Helper()
	again, late := time.NewTicker(time.Millisecond), time.After(time.Minute)
	defer again.Stop()
	for {
		mu.Lock()
		ok := done()
		mu.Unlock()
		if ok {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatal("the calls do not block")
		}
	}
}

// TestCloseLingersAfterAnEpollFailure: the client gets the close frame, though the server
// has not read all that the client sent, and Drain returns when the client ends.
func TestCloseLingersAfterAnEpollFailure(t *testing.T) {
	s := newTestServer(t, Options{})
	server, client := s.connect(t, refuse{})
	failEpoll(t, s.transport)
	for range 100 {
		if err := client.WriteMessage(websocket.BinaryMessage, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1012, ""), time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	drained := make(chan struct{})
	go func() { defer close(drained); server.NetConn().(Conn).Drain() }()
	if _, _, err := client.ReadMessage(); !websocket.IsCloseError(err, 1012) {
		t.Errorf("got error %v, want close code 1012", err)
	}
	client.Close()
	<-drained
}

// TestStartWithoutEpoll: a server whose epoll cannot be made says so in the log, once,
// and serves.
func TestStartWithoutEpoll(t *testing.T) {
	var log bytes.Buffer
	s := newTestServer(t, Options{
		Log:   slog.New(slog.NewTextHandler(&log, nil)),
		start: func(*slog.Logger) (*poller, error) { return nil, errors.New("no such call") },
	})
	if s.transport.IsPolling() {
		t.Error("IsPolling is true without a poller")
	}
	for range 3 {
		server, client := s.connect(t, refuse{})
		if err := client.WriteMessage(websocket.BinaryMessage, []byte("hello")); err != nil {
			t.Fatal(err)
		}
		if _, got, err := server.ReadMessage(); string(got) != "hello" || err != nil {
			t.Errorf("got %q, error %v", got, err)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "no such call") {
		t.Errorf("logged %q, want one line with the cause", log.String())
	}
}
