package ws

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/presence"
	"weft/server/auth"
	"weft/server/room"
	"weft/server/store"
	"weft/server/wire"
)

// deadDisk is a store whose disk can be read and not written.
type deadDisk struct {
	store.Store
	hang chan struct{} // if not nil, writes return when it is closed
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

// testPoller is the poller mode of tests that pass in both modes; the environment
// variable WEFT_POLLER chooses it.
func testPoller() PollerMode { return PollerMode(os.Getenv("WEFT_POLLER")) }

// onDeadDisk returns a door to the room "r" on a disk that cannot be written, and a
// function that connects to it as Ana. The caller closes the door. pongWait is as in
// Config.
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

// waitForDevices waits until so many connections are present in the room.
func waitForDevices(t *testing.T, door *Door, want int) {
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
			t.Fatalf("people in the room: %+v, error %v; want %d devices", people, err, want)
		}
	}
}

// TestDoorClosesWithADeadDisk: a connection waits for its room, whose commit does not
// return; the door must not wait for the connection.
func TestDoorClosesWithADeadDisk(t *testing.T) {
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
	waitForDevices(t, door, 2)
	// The room stops reading when more than its limit of 1 MiB waits for the disk, and
	// then the sockets' buffers fill. 5 s after the commit began it counts as failed, and
	// updates would be read and dropped instead.
	begun, written := time.Now(), 0
	for _, frame := range frames {
		_ = ws.SetWriteDeadline(time.Now().Add(time.Second))
		if ws.WriteMessage(websocket.BinaryMessage, frame) != nil {
			break // the server does not read any more
		}
		written++
	}
	if took := time.Since(begun); written == len(frames) && took < 5*time.Second {
		t.Errorf("the server read %d MiB in %s while the disk took nothing", written*len(text)>>20, took)
	}
	// A client that disconnects is not present any more, though the room is stuck.
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	waitForDevices(t, door, 1)
	// A person whose rights change meanwhile does not keep the old ones until the disk
	// answers.
	door.Renew("ben")
	door.Renew("ana")
	_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
	for err := error(nil); err == nil && written < len(frames); {
		if _, _, err = ws.ReadMessage(); err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error("Ana's connection is still open after her rights have changed")
		}
	}
	ended := make(chan struct{})
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		door.Close(ctx)
		if err := door.hub.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("closing the hub: got error %v, want DeadlineExceeded", err)
		}
		door.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(90 * time.Second):
		t.Fatal("deadlock: the door, the room and the journal wait for each other")
	}
}

// TestReadOnlyRoomReadsItsConnections though as many updates wait for the disk as may:
// so it notices that a client disconnects.
func TestReadOnlyRoomReadsItsConnections(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	door, dial := onDeadDisk(t, deadDisk{hang: hang}, 0)
	ws := dial()
	waitForDevices(t, door, 1)
	text := strings.Repeat("x", 256<<10)
	for n := range 100 { // far more than the sockets buffer
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
	waitForDevices(t, door, 0)
	dial() // another client can connect
	waitForDevices(t, door, 1)
	closeDead(door, hang)
}

// closeDead closes a door to a disk that hangs.
func closeDead(door *Door, hang chan struct{}) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	door.Close(now)
	_ = door.hub.Close(now)
	door.Wait()
	close(hang)
}
