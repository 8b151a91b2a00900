package ws

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/presence"
	"weft/server/auth"
	"weft/server/room"
	"weft/server/store"
	"weft/server/wire"
)

// deadDisk reads, and writes nothing.
type deadDisk struct {
	store.Store
	hang chan struct{} // if not nil, writes do not return before it is closed
}

var errDisk = errors.New("the disk is full")

func (deadDisk) LoadPart(context.Context, store.RoomID, store.LogID, int) (store.Doc, bool, error) {
	return store.Doc{}, false, nil
}
func (d deadDisk) AppendUpdates(context.Context, []store.Update) error {
	if d.hang != nil {
		<-d.hang
	}
	return errDisk
}
func (deadDisk) LongLogs(context.Context, int, int) ([]store.RoomID, error) { return nil, nil }
func (deadDisk) TouchMember(context.Context, store.RoomID, store.User, time.Time) (string, error) {
	return "", errDisk
}

// testPoller is the poller mode of tests that serve any: the environment chooses it.
func testPoller() PollerMode { return PollerMode(os.Getenv("WEFT_POLLER")) }

// onDeadDisk is a door to one room that cannot write; the caller closes it. pongWait
// is as in Config.
func onDeadDisk(t *testing.T, disk deadDisk, pongWait time.Duration) (door *Door, dial func() *websocket.Conn) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	people := presence.NewMemory(presence.MemoryOptions{})
	typing := presence.NewTyping(0, func(presence.Place, []presence.Typist) {})
	hub := room.NewHub(room.HubOptions{Store: disk, Log: log, Limits: room.Limits{Journal: 1 << 20}})
	door = New(Config{Hub: hub, People: people, Typing: typing, Members: disk, Limits: LabLimits(), Log: log, Poller: testPoller(), pongWait: pongWait})
	id := auth.Identity{User: "ana", Name: "Ana", Grants: []auth.Grant{{Pattern: "**", Role: auth.Write}}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := door.ServeRoom(w, r, RoomOptions{Room: "r", Identity: id}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(func() {
		srv.Close()
		typing.Close()
		if err := people.Close(); err != nil {
			t.Error(err)
		}
	})
	return door, func() *websocket.Conn {
		t.Helper()
		ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(srv.URL, "http"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ws.Close() })
		return ws
	}
}

// devices waits until that many connections are present in the room.
func devices(t *testing.T, door *Door, want int) {
	t.Helper()
	again, late := time.NewTicker(10*time.Millisecond), time.After(90*time.Second)
	defer again.Stop()
	for {
		people, err := door.people.People(t.Context(), "r")
		seen := 0
		for _, p := range people {
			seen += p.Devices
		}
		if err == nil && seen == want {
			return
		}
		select {
		case <-again.C:
		case <-late:
			t.Fatalf("%d devices are not seen, but %+v, %v", want, people, err)
		}
	}
}

// TestStoppingWithADeadDiskEnds: a connection whose room has come to a halt, as
// a commit does not return, waits for that room, and the door must not wait for
// the connection.
func TestStoppingWithADeadDiskEnds(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	door, dial := onDeadDisk(t, deadDisk{hang: hang}, 0)
	frames := make([][]byte, 500)
	text := strings.Repeat("x", 64<<10)
	for n := range frames {
		u, err := crdt.New(crdt.Options{ClientID: uint64(n + 1)}).InsertText("t", 0, text)
		if err != nil {
			t.Fatal(err)
		}
		frames[n] = wire.AppendUpdate(nil, u)
	}
	ws, other := dial(), dial()
	devices(t, door, 2)
	// The room stops reading once what waits for the disk is over its limit of 1 MiB,
	// and then the sockets fill. From the moment that the commit counts as failed, 5 s
	// after it began, updates would be taken and dropped instead.
	begun, written := time.Now(), 0
	for _, frame := range frames {
		_ = ws.SetWriteDeadline(time.Now().Add(time.Second))
		if ws.WriteMessage(websocket.BinaryMessage, frame) != nil {
			break // nobody reads any more
		}
		written++
	}
	if took := time.Since(begun); written == len(frames) && took < 5*time.Second {
		t.Errorf("%d MiB were taken in %s while the disk takes nothing", written*len(text)>>20, took)
	}
	// Who leaves is not there any more, whatever the room waits for.
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	devices(t, door, 1)
	// Somebody whose rights change meanwhile does not keep the old ones for as long
	// as the disk stands still.
	door.Renew("ben")
	door.Renew("ana")
	_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
	for err := error(nil); err == nil && written < len(frames); {
		if _, _, err = ws.ReadMessage(); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error("Ana goes on hearing the room")
		}
	}
	ended := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		door.Close(ctx)
		if err := door.hub.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the hub closed with %v", err)
		}
		door.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(90 * time.Second):
		t.Fatal("the door, the room and the journal wait for each other")
	}
}

// TestWriterToAFullRoomCanLeave: a room that is read-only reads its sockets again,
// though what it has taken before still waits for the disk and is all that may.
func TestWriterToAFullRoomCanLeave(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	door, dial := onDeadDisk(t, deadDisk{hang: hang}, 0)
	ws := dial()
	devices(t, door, 1)
	text := strings.Repeat("x", 256<<10)
	for n := range 100 { // far more than the sockets between take
		u, err := crdt.New(crdt.Options{ClientID: uint64(n + 1)}).InsertText("t", 0, text)
		if err != nil {
			t.Fatal(err)
		}
		_ = ws.SetWriteDeadline(time.Now().Add(90 * time.Second))
		if err := ws.WriteMessage(websocket.BinaryMessage, wire.AppendUpdate(nil, u)); err != nil {
			t.Fatalf("update %d: %v", n+1, err)
		}
	}
	if err := ws.Close(); err != nil {
		t.Fatal(err)
	}
	devices(t, door, 0)
	dial() // and somebody else comes
	devices(t, door, 1)
	endDead(door, hang)
}

// TestConnectionThatNobodyReadsIsNotPresent: while its work waits for a disk the
// server does not read a connection, and can't see whether it ended: its person does
// not stay present by it for longer than by one that is silent.
func TestConnectionThatNobodyReadsIsNotPresent(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*websocket.Conn){
		"silent": func(*websocket.Conn) {},
		"closed": func(ws *websocket.Conn) { ws.Close() },
		"reset":  func(ws *websocket.Conn) { _ = ws.NetConn().(*net.TCPConn).SetLinger(0); ws.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hang := make(chan struct{})
			door, dial := onDeadDisk(t, deadDisk{hang: hang}, 100*time.Millisecond)
			ws := dial()
			devices(t, door, 1)
			var held *conn
			for _, c := range door.allConns() {
				held = c
			}
			held.dialectMu.Lock() // as what waits for a disk does
			if err := ws.WriteMessage(websocket.BinaryMessage, emptyAwareness); err != nil {
				t.Fatal(err)
			}
			leave(ws)
			devices(t, door, 0)
			held.dialectMu.Unlock()
			endDead(door, hang)
			if len(door.allConns()) > 0 || !held.ended {
				t.Error("it goes on")
			}
		})
	}
}

// endDead ends a door to a disk that hangs.
func endDead(door *Door, hang chan struct{}) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	door.Close(now)
	_ = door.hub.Close(now)
	door.Wait()
	close(hang)
}

// TestSilentConnectionIsToldWhy: not that many are there to hear it.
func TestSilentConnectionIsToldWhy(t *testing.T) {
	door, dial := onDeadDisk(t, deadDisk{}, 100*time.Millisecond) // and no ping before
	ws := dial()
	var err error
	for err == nil {
		_, _, err = ws.ReadMessage()
	}
	if !websocket.IsCloseError(err, int(wire.CloseOverload)) {
		t.Errorf("the connection ended with %v", err)
	}
	door.Close(t.Context())
	door.Wait()
	if err := door.hub.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestHelloHasItsTime: who has not said hello for 10 s is not waited for.
func TestHelloHasItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hit atomic.Value
		c := &conn{door: &Door{limits: limits{onLimit: func(limit string) { hit.Store(limit) }}}}
		n := &native{conn: c}
		closed := func() bool {
			synctest.Wait()
			c.out.mu.Lock()
			defer c.out.mu.Unlock()
			return c.out.closed
		}
		n.opened()
		if time.Sleep(helloWait - 1); closed() || hit.Load() != nil {
			t.Error("closed early")
		}
		if time.Sleep(time.Nanosecond); !closed() || hit.Load() != "hello-wait" {
			t.Errorf("not closed after %s, or counted as %v", helloWait, hit.Load())
		}
		n.closed()
	})
}

// TestAskingTooMuchWaits: a client that comes back to 32 rooms does not notice,
// and one that asks for whole documents all the time waits, but not long enough
// to miss a ping.
func TestAskingTooMuchWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, l := time.Now(), &limiters{}
		l.init(*counted(DefaultLimits(), nil))
		for range 1 + 3*32 {
			l.waitRequest()
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("coming back took %v", waited)
		}
		for range 100 {
			before := time.Now()
			l.waitRequest()
			if waited := time.Since(before); waited > time.Second {
				t.Fatalf("one took %v", waited)
			}
		}
		if took := time.Since(start); took < 9*time.Second {
			t.Errorf("197 took %v", took)
		}
	})
}

// TestChannelThatWasLeftSaysNothing: the client may have given its number to
// another room by now, whose document a late update would damage.
func TestChannelThatWasLeftSaysNothing(t *testing.T) {
	hub := room.NewHub(room.HubOptions{Store: deadDisk{}, Log: slog.New(slog.DiscardHandler)})
	live, release, err := hub.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{}
	written := 0
	c.out.write = func([]byte) (bool, error) { written++; return false, nil }
	c.out.limits = counted(DefaultLimits(), nil)
	p := &peer{conn: c, room: live, channel: 1}
	p.Acked(1)
	p.leave()
	p.Deliver(room.Document, []byte("of the old room"))
	p.Acked(2)
	if written != 1 {
		t.Errorf("%d frames written, want the one before it left", written)
	}
	release()
	if err := hub.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestWhatAJoinHoldsIsBounded: the store may take its time to answer a join.
func TestWhatAJoinHoldsIsBounded(t *testing.T) {
	hub := room.NewHub(room.HubOptions{Store: deadDisk{}, Log: slog.New(slog.DiscardHandler)})
	live, release, err := hub.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	c := &conn{}
	frames := make(chan []byte, 100)
	c.out.write = func(f []byte) (bool, error) { frames <- f; return false, nil }
	slow := 0
	c.out.onSlow = func() { slow++ }
	c.out.limits = counted(DefaultLimits(), nil)
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
		t.Errorf("closed %d times, %d frames before the release", slow, len(frames))
	}
	p.flushBuffer()
	if f := <-frames; string(f) != "\x01first" {
		t.Errorf("the first frame is %q", f)
	}
	p.leave()

	p = &peer{conn: c, room: live, channel: 2, prefix: "\x02"}
	p.startBuffer()
	for range 1000 {
		p.Deliver(room.Stateless, make([]byte, 100))
		if p.buffer.bytes > c.out.limits.Queue+101 {
			t.Fatalf("%d bytes are held, the limit is %d", p.buffer.bytes, c.out.limits.Queue)
		}
	}
	if slow == 0 {
		t.Error("the connection was not closed")
	}
	p.leave()
	release()
	if err := hub.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
