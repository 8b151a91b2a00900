package server

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"weft/crdt"
	"weft/server/store"
	"weft/server/wire"
)

// hangingDisk is a store whose writes block while hangs is set, until released is closed.
type hangingDisk struct {
	store.Store
	hangs    *atomic.Bool
	released chan struct{}
}

func (d hangingDisk) wait() {
	if d.hangs.Load() {
		<-d.released
	}
}

func (d hangingDisk) AppendUpdates(ctx context.Context, updates []store.Update) error {
	d.wait()
	return d.Store.AppendUpdates(ctx, updates)
}

func (d hangingDisk) TouchMember(ctx context.Context, id store.RoomID, u store.User, at time.Time) (string, error) {
	d.wait()
	return d.Store.TouchMember(ctx, id, u, at)
}

// TestHungDiskDelaysOnlyDurableWrites checks a server whose commit does not return:
//
//   - people join and leave rooms, and presence and typing reach the other clients;
//   - updates are not acked, and the room becomes read-only;
//   - the server stops within its drain timeout, and Serve returns an error.
func TestHungDiskDelaysOnlyDurableWrites(t *testing.T) {
	t.Parallel() // the room becomes read-only only after some seconds
	var hangs atomic.Bool
	released := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := New(Config{Data: t.TempDir(), Addr: l.Addr().String(), Poller: os.Getenv("WEFT_POLLER"), drain: 2 * time.Second, rooms: func(s store.Store) store.Store {
		return hangingDisk{s, &hangs, released}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, l) }()
	s := &testServer{srv, l.Addr().String()}
	ana, ben, cid := s.createGuest(t, "Ana"), s.createGuest(t, "Ben"), s.createGuest(t, "Cid")
	writer, watcher := s.joinRoom(t, ana, "busy"), s.joinRoom(t, ben, "quiet")

	hangs.Store(true)
	u, err := crdt.New(crdt.Options{ClientID: 1}).InsertText("t", 0, "never stored")
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		writer.sendBody(1, wire.AppendUpdate(nil, u))
	}
	joining := s.joinRoom(t, cid, "quiet") // Cid is new to the room, so joining writes to the store
	watcher.waitFor("that Cid joins", func(g received) bool { return g.name == "presence" })
	joining.sendEvent(1, "typing", map[string]bool{"on": true})
	watcher.waitForEvent("typing")
	if err := joining.ws.Close(); err != nil {
		t.Fatal(err)
	}
	watcher.waitFor("that Cid leaves", func(g received) bool { return g.name == "presence" })
	// After some seconds the room becomes read-only.
	if got := writer.waitFor("a storage event or an ack", func(g received) bool {
		return g.name == "storage" || g.Type == wire.TypeAck
	}); got.value["writable"] != false {
		t.Errorf("got %+v, want a storage event with writable false", got)
	}

	stop()
	select {
	case err := <-served:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Serve returned %v, want %v", err, context.DeadlineExceeded)
		}
	case <-time.After(90 * time.Second):
		t.Fatal("the server has not stopped after 90 s while the disk hangs")
	}
	close(released) // the blocked goroutines return
}
