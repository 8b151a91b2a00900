package room

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weft/crdt"
	"weft/server/store"
)

// countingStore counts the loads.
type countingStore struct {
	store.Store
	loads atomic.Int64
}

func (c *countingStore) LoadPart(ctx context.Context, id store.RoomID, after store.LogID, most int) (store.Doc, bool, error) {
	c.loads.Add(1)
	return c.Store.LoadPart(ctx, id, after, most)
}

// TestHundredOpensASecond opens and leaves one room about a hundred times a second, and
// lets it be unloaded all the time. There is never a second instance, the next instance
// has everything that was acked, and in the end nothing is left. WEFT_LIFECYCLE_SECONDS
// sets how long the test runs.
func TestHundredOpensASecond(t *testing.T) {
	seconds := 2
	if text := os.Getenv("WEFT_LIFECYCLE_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	before := runtime.NumGoroutine()
	s := &countingStore{Store: openStore(t, t.TempDir())}
	h := NewHub(HubOptions{Store: s, Log: quietLog, Idle: 3 * time.Millisecond})
	const clients = 20
	var opens, acked, instances atomic.Int64
	var seen sync.Map // of *Room
	var all sync.WaitGroup
	stop := time.After(time.Duration(seconds) * time.Second)
	done := make(chan struct{})
	go func() { <-stop; close(done) }()
	for c := range clients {
		all.Go(func() {
			author := crdt.New(crdt.Options{ClientID: uint64(c + 1)})
			root := fmt.Sprint("t", c)
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				case <-time.After(time.Duration(rand.IntN(300)) * time.Millisecond): // over 100 a second in all
				}
				r, release, err := h.Open(t.Context(), "r")
				if err != nil {
					t.Error(err)
					return
				}
				opens.Add(1)
				if live, ok := h.Loaded("r"); !ok || live != r {
					t.Error("the room has a second instance")
				}
				if _, known := seen.LoadOrStore(r, true); !known {
					instances.Add(1)
				}
				// The instance before has stored all that was acked.
				if text, err := r.Text(t.Context(), root); err != nil || len(text) != i {
					t.Errorf("client %d: %d of %d edits, %v", c, len(text), i, err)
				}
				p := newListener()
				mustJoin(t, r, p)
				u, err := author.InsertText(root, i, "x")
				if err != nil {
					t.Error(err)
				}
				r.Receive(p, update(u))
				p.waitAck(t, 1)
				acked.Add(1)
				r.Leave(p)
				release()
			}
		})
	}
	all.Wait()
	if loads := s.loads.Load(); loads < instances.Load() {
		t.Errorf("%d instances of %d loads", instances.Load(), loads)
	}
	if instances.Load() < 2 {
		t.Error("the room was never unloaded, so this test shows nothing")
	}
	if err := errors.Join(h.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	l, err := load(t.Context(), s.Store, "r")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for c := range clients {
		total += len(l.doc.Text(fmt.Sprint("t", c)).String())
	}
	if int64(total) != acked.Load() || h.Rooms() != 0 || h.Memory() != 0 {
		t.Errorf("%d of %d edits, %d rooms, %d bytes left", total, acked.Load(), h.Rooms(), h.Memory())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	deadline := time.After(90 * time.Second)
	for runtime.NumGoroutine() > before+1 {
		select {
		case <-deadline:
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		case <-time.After(10 * time.Millisecond):
		}
	}
	t.Logf("%d opens in %d s, %d instances one after the other, %d edits, 0 lost", opens.Load(), seconds, instances.Load(), total)
}
