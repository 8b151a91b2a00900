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

// hangingDisk is a store whose writes do not return, from the moment on that it
// is told to.
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

// TestHungDiskHoldsUpOnlyWhatMustBeOnIt: while a commit does not return, people
// come and go and are seen, and what is typed is not acknowledged; and the
// server ends in time all the same, and says that it did not end well.
func TestHungDiskDelaysOnlyDurableWrites(t *testing.T) {
	t.Parallel() // it waits for the room to notice
	var hangs atomic.Bool
	until := make(chan struct{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := New(Config{Data: t.TempDir(), Addr: l.Addr().String(), Poller: os.Getenv("WEFT_POLLER"), drain: 2 * time.Second, rooms: func(s store.Store) store.Store {
		return hangingDisk{s, &hangs, until}
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, l) }()
	s := &testServer{srv, l.Addr().String()}
	ana, ben, cid := s.createGuest(t, "Ana"), s.createGuest(t, "Ben"), s.createGuest(t, "Cid")
	writer, other := s.joinRoom(t, ana, "busy"), s.joinRoom(t, ben, "quiet")

	hangs.Store(true)
	u, err := crdt.New(crdt.Options{ClientID: 1}).InsertText("t", 0, "never stored")
	if err != nil {
		t.Fatal(err)
	}
	for range 100 {
		writer.sendBody(1, wire.AppendUpdate(nil, u))
	}
	come := s.joinRoom(t, cid, "quiet") // nobody has been told of Cid yet, so he must be remembered
	other.waitFor("Cid's arrival", func(g received) bool { return g.name == "presence" })
	come.sendEvent(1, "typing", map[string]bool{"on": true})
	other.waitForEvent("typing")
	if err := come.ws.Close(); err != nil {
		t.Fatal(err)
	}
	other.waitFor("Cid's leaving", func(g received) bool { return g.name == "presence" })
	// The room notices after some seconds, and says so.
	if told := writer.waitFor("that the room is read-only, and no ack", func(g received) bool {
		return g.name == "storage" || g.Type == wire.TypeAck
	}); told.value["writable"] != false {
		t.Errorf("told %+v", told)
	}

	stop()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(90 * time.Second):
		t.Fatal("the server waits for a disk that does not answer")
	}
	close(until) // the goroutines left behind end with it
}
