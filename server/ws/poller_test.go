package ws

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/auth"
	"weft/server/wire"
	"weft/server/ws/internal/netpoll/netpolltest"
)

// listener is a dialect that takes note of what it hears. Fields are set before the
// connection opens.
type listener struct {
	conn      *conn
	user      string                  // whose credentials the connection accepts; empty: nobody's
	take      func(frame []byte) bool // whether tryInline handles the frame
	mu        sync.Mutex
	frames    [][]byte
	quickly   int
	rechecked []string
	more      chan struct{} // holds a token when there are more
	gone      chan struct{}
}

func newListener(take func([]byte) bool) *listener {
	return &listener{take: take, more: make(chan struct{}, 1), gone: make(chan struct{})}
}

func (l *listener) opened() {
	if l.user != "" {
		l.conn.credentials.accept(l.conn, login{identity: auth.Identity{User: l.user}}, expiry{})
	}
}
func (l *listener) closed() { close(l.gone) }
func (l *listener) recheck(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rechecked = append(l.rechecked, user)
}
func (l *listener) keepAlive()               {}
func (l *listener) slowCode() wire.CloseCode { return wire.CloseSlow }
func (l *listener) received(frame []byte)    { l.hear(frame, false) }

func (l *listener) tryInline(frame []byte, _ time.Time) bool {
	if !l.take(frame) {
		return false
	}
	l.hear(frame, true)
	return true
}

func (l *listener) hear(frame []byte, quickly bool) {
	l.mu.Lock()
	l.frames = append(l.frames, frame)
	if quickly {
		l.quickly++
	}
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// all waits for so many frames.
func (l *listener) all(t *testing.T, n int) [][]byte {
	t.Helper()
	late := time.After(90 * time.Second)
	for {
		l.mu.Lock()
		frames := slices.Clone(l.frames)
		l.mu.Unlock()
		if len(frames) >= n {
			return frames
		}
		select {
		case <-l.more:
		case <-late:
			t.Fatalf("%d of %d frames arrived", len(frames), n)
		}
	}
}

// listening is a door that gives its connections to listeners, in turn.
func listening(t *testing.T, mode PollerMode, to ...*listener) (door *Door, dial func() net.Conn) {
	t.Helper()
	door = New(Config{Limits: LabLimits(), Log: slog.New(slog.DiscardHandler), Poller: mode})
	next := make(chan *listener, len(to))
	for _, l := range to {
		next <- l
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, leave, err := door.newConn(r, authenticated)
		if err != nil {
			t.Error(err)
			return
		}
		l := <-next
		l.conn, c.dialect = c, l
		door.serve(w, r, c, leave)
	}))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		door.Close(ctx)
		srv.Close()
		door.Wait()
	})
	return door, func() net.Conn {
		t.Helper()
		d := websocket.Dialer{}
		c, _, err := d.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.NetConn()
	}
}

// TestFramesArriveOnceAndInOrder: whichever way each goes, in however many pieces it
// comes, and with pings and messages of several frames in between.
func TestFramesArriveOnceAndInOrder(t *testing.T) {
	for _, mode := range []PollerMode{PollerAuto, PollerOff} {
		t.Run(string(mode), func(t *testing.T) {
			seed := rand.Uint64()
			t.Log("seed", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			chance := rand.New(rand.NewPCG(seed, 1))
			l := newListener(func([]byte) bool { return chance.IntN(4) > 0 })
			door, dial := listening(t, mode, l)
			c := dial()
			const messages = 4000
			var (
				sent   [][]byte
				stream []byte
				ends   []int // of messages, in the stream
			)
			for i := range messages {
				size := []int{4, 100, 130, 5000, 16 << 10, 1 << 17}[min(rnd.IntN(6), rnd.IntN(6), rnd.IntN(6))]
				m := make([]byte, max(4, size-rnd.IntN(20)))
				binary.BigEndian.PutUint32(m, uint32(i))
				sent = append(sent, m)
				const fin, ping = netpolltest.Fin, netpolltest.Ping
				switch rnd.IntN(8) {
				case 0:
					cut := rnd.IntN(len(m))
					stream = append(stream, netpolltest.ClientFrame(websocket.BinaryMessage, m[:cut])...)
					stream = append(stream, netpolltest.ClientFrame(fin|ping, []byte("within"))...)
					stream = append(stream, netpolltest.ClientFrame(fin, m[cut:])...)
				case 1:
					stream = append(stream, netpolltest.ClientFrame(fin|ping, []byte("between"))...)
					fallthrough
				default:
					stream = append(stream, netpolltest.Message(m)...)
				}
				ends = append(ends, len(stream))
			}
			go io.Copy(io.Discard, c) // the pongs
			for at := 0; at < len(stream); {
				n := min(len(stream)-at, 1+rnd.IntN([]int{10, 1000, 100_000}[rnd.IntN(3)]))
				if rnd.IntN(4) > 0 { // whole messages
					k, _ := slices.BinarySearch(ends, at+1)
					n = ends[min(k+rnd.IntN(4), messages-1)] - at
				}
				if _, err := c.Write(stream[at : at+n]); err != nil {
					t.Fatal(err)
				}
				at += n
				if rnd.IntN(4) == 0 { // let the server come to rest, now and then
					whole, _ := slices.BinarySearch(ends, at+1)
					l.all(t, whole)
				}
			}
			got := l.all(t, messages)
			for i := range sent {
				if !slices.Equal(got[i], sent[i]) {
					t.Fatalf("message %d: %d bytes, number %d; want %d bytes", i, len(got[i]), binary.BigEndian.Uint32(got[i]), len(sent[i]))
				}
			}
			t.Logf("%d of %d went past the pump", l.quickly, len(got))
			if quick := l.quickly > messages/100; quick != (door.transport.IsPolling()) || len(got) != messages {
				t.Errorf("%d of %d frames went past the pump, want some: %v", l.quickly, len(got), door.transport.IsPolling())
			}
		})
	}
}

// TestLastWordsArrive: what comes together with the end of a connection is heard.
func TestLastWordsArrive(t *testing.T) {
	for _, mode := range []PollerMode{PollerAuto, PollerOff} {
		t.Run(string(mode), func(t *testing.T) {
			const times = 50
			var ls []*listener
			for i := range times {
				ls = append(ls, newListener(func([]byte) bool { return i%2 == 0 }))
			}
			_, dial := listening(t, mode, ls...)
			for _, l := range ls {
				c := dial()
				if _, err := c.Write(slices.Concat(netpolltest.Message([]byte("one")), netpolltest.Message([]byte("two")))); err != nil {
					t.Fatal(err)
				}
				if err := c.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				l.all(t, 2)
				select {
				case <-l.gone:
				case <-time.After(90 * time.Second):
					t.Fatal("nobody has noticed that the client is gone")
				}
				// The server ends its side too, and says nothing it was not asked.
				c.SetReadDeadline(time.Now().Add(90 * time.Second))
				if _, err := io.Copy(io.Discard, c); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestStuckConnectionHoldsUpNobody: a frame that takes for ever to carry out costs its
// own connection only.
func TestStuckConnectionHoldsUpNobody(t *testing.T) {
	release := make(chan struct{})
	stops := func(f []byte) bool {
		if string(f) == "stop" {
			<-release
		}
		return true
	}
	others := make([]*listener, 8)
	all := []*listener{newListener(stops), newListener(stops)}
	for i := range others {
		others[i] = newListener(func([]byte) bool { return true })
		all = append(all, others[i])
	}
	door, dial := listening(t, PollerAuto, all...)
	if !door.transport.IsPolling() {
		t.Skip("there is no poller here")
	}
	looked := make(chan struct{})
	defer func() { <-looked }()
	go func() { // more often than the door does
		defer close(looked)
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-release:
				return
			case <-ticker.C:
				door.transport.CheckStalled()
			}
		}
	}()
	conns := make([]net.Conn, len(all))
	for i := range conns {
		conns[i] = dial()
	}
	for i := range conns[:2] {
		for _, word := range []string{"before", "stop", "after"} {
			if _, err := conns[i].Write(netpolltest.Message([]byte(word))); err != nil {
				t.Fatal(err)
			}
		}
	}
	for round := range 100 {
		for i, l := range others {
			if _, err := conns[2+i].Write(netpolltest.Message([]byte{byte(round)})); err != nil {
				t.Fatal(err)
			}
			l.all(t, round+1)
		}
	}
	close(release)
	for _, l := range all[:2] {
		got := l.all(t, 3)
		if string(got[0]) != "before" || string(got[1]) != "stop" || string(got[2]) != "after" {
			t.Errorf("%q", got)
		}
	}
}

// TestPanicEndsOneConnection: also where frames go past the pump.
func TestPanicEndsOneConnection(t *testing.T) {
	bad := newListener(func([]byte) bool { panic("a bug") })
	good := newListener(func([]byte) bool { return true })
	door, dial := listening(t, PollerAuto, bad, good)
	if !door.transport.IsPolling() {
		t.Skip("there is no poller here")
	}
	a, b := dial(), dial()
	again, late := time.NewTicker(10*time.Millisecond), time.After(90*time.Second)
	defer again.Stop()
	for ended := false; !ended; {
		_, _ = a.Write(netpolltest.Message([]byte("boo"))) // the first may go another way
		select {
		case <-bad.gone:
			ended = true
		case <-again.C:
		case <-late:
			t.Fatal("the connection lives on")
		}
	}
	if _, err := b.Write(netpolltest.Message([]byte("fine"))); err != nil {
		t.Fatal(err)
	}
	good.all(t, 1)
}
