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

// recordingDialect is a dialect that records its frames. Fields are set before the
// connection opens.
type recordingDialect struct {
	conn         *conn
	user         string                  // whose credentials the connection accepts; empty: nobody's
	inline       func(frame []byte) bool // whether tryInline handles the frame
	mu           sync.Mutex
	frames       [][]byte
	inlineFrames int // of frames
	rechecked    []string
	more         chan struct{} // holds a token when frames has grown
	ended        chan struct{} // closed by closed
}

func newRecordingDialect(inline func([]byte) bool) *recordingDialect {
	return &recordingDialect{inline: inline, more: make(chan struct{}, 1), ended: make(chan struct{})}
}

func (l *recordingDialect) opened() {
	if l.user != "" {
		l.conn.credentials.accept(l.conn, login{identity: auth.Identity{User: l.user}}, expiry{})
	}
}
func (l *recordingDialect) closed() { close(l.ended) }
func (l *recordingDialect) recheck(user string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rechecked = append(l.rechecked, user)
}
func (l *recordingDialect) keepAlive()               {}
func (l *recordingDialect) slowCode() wire.CloseCode { return wire.CloseSlow }
func (l *recordingDialect) received(frame []byte)    { l.record(frame) }

func (l *recordingDialect) tryInline(frame []byte, _ time.Time) bool {
	if !l.inline(frame) {
		return false
	}
	l.mu.Lock()
	l.inlineFrames++
	l.mu.Unlock()
	l.record(frame)
	return true
}

func (l *recordingDialect) record(frame []byte) {
	l.mu.Lock()
	l.frames = append(l.frames, frame)
	l.mu.Unlock()
	select {
	case l.more <- struct{}{}:
	default:
	}
}

// waitFor waits until there are n frames and returns them.
func (l *recordingDialect) waitFor(t *testing.T, n int) [][]byte {
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

// newRecordingDoor returns a door that gives its connections the dialects, in turn, and a
// function that connects to it.
func newRecordingDoor(t *testing.T, mode PollerMode, to ...*recordingDialect) (door *Door, dial func() net.Conn) {
	t.Helper()
	door = New(Config{Limits: LabLimits(), Log: slog.New(slog.DiscardHandler), Poller: mode})
	next := make(chan *recordingDialect, len(to))
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

// TestFramesArriveOnceAndInOrder: whether each is handled inline or read by Melody, in
// however many pieces it comes, with pings and fragmented messages in between.
func TestFramesArriveOnceAndInOrder(t *testing.T) {
	for _, mode := range []PollerMode{PollerAuto, PollerOff} {
		t.Run(string(mode), func(t *testing.T) {
			seed := rand.Uint64()
			t.Log("seed", seed)
			rnd := rand.New(rand.NewPCG(seed, 0))
			chance := rand.New(rand.NewPCG(seed, 1))
			l := newRecordingDialect(func([]byte) bool { return chance.IntN(4) > 0 })
			door, dial := newRecordingDoor(t, mode, l)
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
				if rnd.IntN(4) == 0 { // now and then let the server become idle
					whole, _ := slices.BinarySearch(ends, at+1)
					l.waitFor(t, whole)
				}
			}
			got := l.waitFor(t, messages)
			for i := range sent {
				if !slices.Equal(got[i], sent[i]) {
					t.Fatalf("message %d: got %d bytes, number %d; want %d bytes", i, len(got[i]), binary.BigEndian.Uint32(got[i]), len(sent[i]))
				}
			}
			t.Logf("%d of %d messages were handled inline", l.inlineFrames, len(got))
			if inline := l.inlineFrames > messages/100; inline != door.transport.IsPolling() || len(got) != messages {
				t.Errorf("%d of %d messages were handled inline; polling is %v", l.inlineFrames, len(got), door.transport.IsPolling())
			}
		})
	}
}

// TestMessagesBeforeTheEndArrive: messages that come together with the end of the stream
// are handled.
func TestMessagesBeforeTheEndArrive(t *testing.T) {
	for _, mode := range []PollerMode{PollerAuto, PollerOff} {
		t.Run(string(mode), func(t *testing.T) {
			const times = 50
			var ls []*recordingDialect
			for i := range times {
				ls = append(ls, newRecordingDialect(func([]byte) bool { return i%2 == 0 }))
			}
			_, dial := newRecordingDoor(t, mode, ls...)
			for _, l := range ls {
				c := dial()
				if _, err := c.Write(slices.Concat(netpolltest.Message([]byte("one")), netpolltest.Message([]byte("two")))); err != nil {
					t.Fatal(err)
				}
				if err := c.(*net.TCPConn).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				l.waitFor(t, 2)
				select {
				case <-l.ended:
				case <-time.After(90 * time.Second):
					t.Fatal("the server has not noticed that the client has ended the connection")
				}
				// The server ends its side too.
				c.SetReadDeadline(time.Now().Add(90 * time.Second))
				if _, err := io.Copy(io.Discard, c); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestBlockedHandlerDelaysNoOtherConnection: a frame whose inline handling blocks delays
// its own connection only.
func TestBlockedHandlerDelaysNoOtherConnection(t *testing.T) {
	release := make(chan struct{})
	blocks := func(f []byte) bool {
		if string(f) == "stop" {
			<-release
		}
		return true
	}
	others := make([]*recordingDialect, 8)
	all := []*recordingDialect{newRecordingDialect(blocks), newRecordingDialect(blocks)}
	for i := range others {
		others[i] = newRecordingDialect(func([]byte) bool { return true })
		all = append(all, others[i])
	}
	door, dial := newRecordingDoor(t, PollerAuto, all...)
	if !door.transport.IsPolling() {
		t.Skip("connections are not polled on this system")
	}
	checked := make(chan struct{})
	defer func() { <-checked }()
	go func() { // more often than the door does
		defer close(checked)
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
			l.waitFor(t, round+1)
		}
	}
	close(release)
	for _, l := range all[:2] {
		got := l.waitFor(t, 3)
		if string(got[0]) != "before" || string(got[1]) != "stop" || string(got[2]) != "after" {
			t.Errorf("got %q, want before, stop, after", got)
		}
	}
}

// TestPanicInAnInlineHandlerClosesOneConnection and no other.
func TestPanicInAnInlineHandlerClosesOneConnection(t *testing.T) {
	bad := newRecordingDialect(func([]byte) bool { panic("a bug") })
	good := newRecordingDialect(func([]byte) bool { return true })
	door, dial := newRecordingDoor(t, PollerAuto, bad, good)
	if !door.transport.IsPolling() {
		t.Skip("connections are not polled on this system")
	}
	a, b := dial(), dial()
	again, late := time.NewTicker(10*time.Millisecond), time.After(90*time.Second)
	defer again.Stop()
	for ended := false; !ended; {
		_, _ = a.Write(netpolltest.Message([]byte("boo"))) // the first may be read by Melody
		select {
		case <-bad.ended:
			ended = true
		case <-again.C:
		case <-late:
			t.Fatal("the connection was not closed")
		}
	}
	if _, err := b.Write(netpolltest.Message([]byte("fine"))); err != nil {
		t.Fatal(err)
	}
	good.waitFor(t, 1)
}
