package room

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/server/internal/signal"
	"weft/server/store"
)

// visits is a hub whose rooms are unloaded after a second, on a store that counts.
type visits struct {
	*testing.T
	*parts
	hub     *Hub
	authors map[store.RoomID]*crdt.Doc
}

// visiting runs a test with synctest's clock.
func visiting(t *testing.T, name string, test func(*visits)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := &visits{T: t, parts: &parts{Store: openStore(t, t.TempDir())}, authors: map[store.RoomID]*crdt.Doc{}}
			v.hub = NewHub(HubOptions{Store: v.parts, Log: quietLog, Idle: time.Second})
			test(v)
			if err := v.hub.Close(t.Context()); err != nil {
				t.Error(err)
			}
			for room, author := range v.authors {
				v.want(t, room, author)
			}
			if err := v.Store.Close(); err != nil {
				t.Error(err)
			}
		})
	})
}

// wait lets time pass, and waits until all goroutines are idle.
func (v *visits) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// update returns the author's next update, which appends size characters.
func (v *visits) update(id store.RoomID, size int) []byte {
	v.Helper()
	if v.authors[id] == nil {
		v.authors[id] = crdt.New(crdt.Options{ClientID: 5})
	}
	author := v.authors[id]
	u, err := author.InsertText("t", author.Length("t"), strings.Repeat("x", size))
	if err != nil {
		v.Fatal(err)
	}
	return u
}

// visit opens a room, writes n updates of size characters, each in a commit of its own, and
// leaves.
func (v *visits) visit(id store.RoomID, n, size int) {
	v.Helper()
	r, release, err := v.hub.Open(v.Context(), id)
	if err != nil {
		v.Fatal(err)
	}
	p := newListener()
	mustJoin(v.T, r, p)
	for i := range n {
		r.Receive(p, update(v.update(id, size)))
		p.waitAck(v.T, uint64(i+1))
	}
	r.Leave(p)
	release()
}

// stored stores a document with a snapshot of size characters.
func (v *visits) stored(id store.RoomID, size int) {
	v.Helper()
	u := v.update(id, size)
	if err := v.AppendUpdates(v.Context(), []store.Update{{Room: id, Data: u}}); err != nil {
		v.Fatal(err)
	}
	part, _, err := v.LoadPart(v.Context(), id, 0, len(u))
	if err != nil {
		v.Fatal(err)
	}
	if err := v.Store.Compact(v.Context(), id, u, part.Through); err != nil {
		v.Fatal(err)
	}
}

// TestUnloadedRoomIsCompacted: the log of a room is compacted soon after the room is
// unloaded, so that the next sync step 1 is answered with the stored bytes; but only if
// writing the log took as many bytes as the compaction does.
func TestUnloadedRoomIsCompacted(t *testing.T) {
	const page = 4096
	for name, c := range map[string]struct {
		snapshot, n, size int
		compacted         bool
	}{
		"keystrokes":                          {200_000, 100, 1, true},
		"a few keystrokes":                    {1000, minWritten/page - 2, 1, false},
		"a few keystrokes in a large one":     {200_000, 40, 1, false},
		"an update larger than the document":  {70_000, 1, 100_000, true},
		"an update smaller than the document": {200_000, 1, 100_000, false},
		"no snapshot":                         {0, 20, 50, true},
		"one update alone":                    {0, 1, 500_000, false},
	} {
		visiting(t, name, func(v *visits) {
			if c.snapshot > 0 {
				v.stored("r", c.snapshot)
			}
			v.visit("r", c.n, c.size)
			v.wait(2 * compactEvery)
			if (len(v.compacted) > 0) != c.compacted || len(v.compacted) > 1 {
				v.Errorf("compacted %q", v.compacted)
			}
			l, err := load(v.Context(), v.Store, "r")
			if err != nil || (l.full != nil) != (c.compacted || c.n == 1 && c.snapshot == 0) {
				v.Errorf("the full state is stored as one update of %d bytes, %v", len(l.full), err)
			}
		})
	}
	visiting(t, "a room that was only read", func(v *visits) {
		for range 20 {
			if err := v.AppendUpdates(v.Context(), []store.Update{{Room: "r", Data: v.update("r", 1)}}); err != nil {
				v.Fatal(err)
			}
		}
		v.wait(2 * compactEvery)
		if len(v.compacted) > 0 {
			v.Error("compacted before the room was loaded")
		}
		v.visit("r", 0, 0)
		v.wait(2 * compactEvery)
		if len(v.compacted) != 1 {
			v.Errorf("compacted %q", v.compacted)
		}
	})
	visiting(t, "a log that was compacted while its room was loaded", func(v *visits) {
		v.visit("r", longRecords, 1)
		v.wait(compactEvery)
		v.visit("r", 1, 1)
		v.wait(2 * compactEvery)
		if records, _ := v.want(v.T, "r", v.authors["r"]); len(v.compacted) != 1 || records != 1 {
			v.Errorf("compacted %q, %d records are left; want one compaction and 1 record", v.compacted, records)
		}
	})
}

// TestCompactionWritesAreBounded: compactions write at most as many bytes as the logs took,
// and a room is compacted at most once in a tick of the compactor.
func TestCompactionWritesAreBounded(t *testing.T) {
	visiting(t, "a room that is opened a hundred times a second", func(v *visits) {
		v.hub.idle = time.Millisecond
		v.stored("r", 20_000)
		const seconds, hz, each = 16, 100, 10 // of the visits writes one update
		for i := range seconds * hz {
			v.visit("r", 1-min(i%each, 1), 1)
			v.wait(time.Second / hz)
		}
		if most := int(seconds*time.Second/compactEvery) + 1; len(v.compacted) > most || len(v.compacted) == 0 {
			v.Errorf("compacted %d times in %d s", len(v.compacted), seconds)
		}
		if took := store.WrittenBytes(seconds*hz/each, 0); v.written > took {
			v.Errorf("%d bytes of snapshots for logs that took %d", v.written, took)
		}
	})
	visiting(t, "a large document", func(v *visits) {
		v.hub.idle = time.Millisecond
		v.stored("r", 1<<20)
		for range 10 {
			v.visit("r", 20, 1)
			v.wait(compactEvery)
		}
		if took := store.WrittenBytes(200, 0); len(v.compacted) > 0 || took > 1<<20 {
			v.Errorf("compacted %d times for logs that took %d", len(v.compacted), took)
		}
	})
}

// slowCompaction returns from a compaction when end is closed.
type slowCompaction struct {
	*parts
	begun signal.Signal
	end   chan struct{}
}

func (s *slowCompaction) Compact(ctx context.Context, id store.RoomID, snapshot []byte, through store.LogID) error {
	s.begun.Set()
	<-s.end
	return s.parts.Compact(ctx, id, snapshot, through)
}

// TestRoomsDoNotWaitForCompaction: while a compaction runs, rooms are unloaded and
// loaded again, also the room that is compacted.
func TestRoomsDoNotWaitForCompaction(t *testing.T) {
	visiting(t, "a compaction that hangs", func(v *visits) {
		slow := &slowCompaction{v.parts, signal.New(), make(chan struct{})}
		hub := NewHub(HubOptions{Store: slow, Log: quietLog, Idle: time.Millisecond})
		v.hub, hub = hub, v.hub
		if err := hub.Close(v.Context()); err != nil {
			v.Error(err)
		}
		v.visit("r", 20, 1)
		<-slow.begun.C()
		begun := time.Now()
		for i := range 5 {
			v.visit("r", 5, 1)
			v.visit(store.RoomID(fmt.Sprint("other", i)), 20, 1)
			v.wait(2 * time.Millisecond)
			if _, open := v.hub.Loaded("r"); open {
				v.Error("the room is not unloaded")
			}
		}
		if took := time.Since(begun); took > time.Second {
			v.Errorf("five visits took %v during a compaction", took)
		}
		close(slow.end)
		v.wait(2 * compactEvery)
		if len(v.compacted) != 7 { // r twice, as it was unloaded again with a longer log
			v.Errorf("compacted %q", v.compacted)
		}
	})
}

// TestStopEndsCompaction: after Stop no log is compacted.
func TestStopEndsCompaction(t *testing.T) {
	visiting(t, "rooms unloaded before Stop, after it, and by Close", func(v *visits) {
		v.visit("before", 20, 1)
		v.wait(2 * time.Second)
		v.hub.Stop()
		v.visit("after", 20, 1)
		v.wait(time.Minute)
		v.visit("at the end", 20, 1)
		if err := v.hub.Close(v.Context()); err != nil || len(v.compacted) > 0 {
			v.Errorf("compacted %q, %v", v.compacted, err)
		}
	})
}

// TestUnloadedRoomsAreBounded: the logs of further rooms stay as they are.
func TestUnloadedRoomsAreBounded(t *testing.T) {
	f := NewCompactor(&parts{}, quietLog)
	if err := f.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxUnloaded {
		f.Unloaded(store.RoomID(fmt.Sprint(i)), logSize{records: 100})
	}
	f.Unloaded("0", logSize{records: 100})
	n := 0
	for _, ok := f.takeUnloaded(); ok; _, ok = f.takeUnloaded() {
		n++
	}
	if n != maxUnloaded {
		t.Errorf("%d rooms wait for compaction, want %d", n, maxUnloaded)
	}
}
