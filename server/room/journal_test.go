package room

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weft/server/store"
)

// slowLog commits like a disk would, and fails when told.
type slowLog struct {
	mu      sync.Mutex
	wait    time.Duration
	fail    bool
	commits [][]store.Update
}

func (l *slowLog) AppendUpdates(_ context.Context, updates []store.Update) error {
	time.Sleep(l.wait) // synctest's clock
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fail {
		return errors.New("disk full")
	}
	l.commits = append(l.commits, updates)
	return nil
}

func (l *slowLog) failing(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = on
}

func TestJournalGathersWhileItCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{wait: 5 * time.Millisecond}
		j := NewJournal(JournalOptions{Store: log, Log: quietLog})
		d := newDurable()
		j.add(record{update: store.Update{Room: "r", Data: []byte{1}}, room: d, n: 1})
		synctest.Wait() // the first commit is under way
		for n := uint64(2); n <= 100; n++ {
			j.add(record{update: store.Update{Room: "r", Data: []byte{byte(n)}}, room: d, n: n})
		}
		if d.get() != 0 {
			t.Errorf("%d records are said to be on disk before the commit", d.get())
		}
		if err := j.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(log.commits) != 2 || len(log.commits[0]) != 1 || len(log.commits[1]) != 99 {
			t.Errorf("%d commits", len(log.commits))
		}
		for i, u := range log.commits[1] {
			if u.Data[0] != byte(i+2) {
				t.Fatalf("record %d is out of order", i)
			}
		}
		if d.get() != 100 {
			t.Errorf("%d of 100 on disk", d.get())
		}
	})
}

func TestFailingDiskAcksNothingAndHeals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{fail: true}
		j := NewJournal(JournalOptions{Store: log, Log: quietLog})
		d := newDurable()
		j.add(record{update: store.Update{Room: "r", Data: []byte{1}}, room: d, n: 1})
		time.Sleep(time.Minute)
		if d.get() != 0 {
			t.Error("acknowledged without a commit")
		}
		log.failing(false)
		time.Sleep(3 * time.Second)
		if d.get() != 1 {
			t.Error("not written after the disk came back")
		}
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseGivesUpOnADeadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{fail: true}
		j := NewJournal(JournalOptions{Store: log, Log: quietLog})
		d := newDurable()
		j.add(record{update: store.Update{Room: "r", Data: []byte{1}}, room: d, n: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		if d.get() != 0 {
			t.Error("acknowledged without a commit")
		}
	})
}

func TestFullJournalHoldsItsWritersUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{fail: true}
		j := NewJournal(JournalOptions{Store: log, Log: quietLog})
		d := newDurable()
		var added atomic.Int32
		go func() {
			for n := range 12 {
				if roomy := j.full(); roomy != nil {
					<-roomy
				}
				j.add(record{update: store.Update{Room: "r", Data: make([]byte, 10<<20)}, room: d, n: uint64(n + 1)})
				added.Add(1)
			}
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		if added.Load() >= 12 {
			t.Error("120 MB were taken in while the disk takes nothing")
		}
		log.failing(false)
		time.Sleep(time.Minute)
		if added.Load() != 12 || d.get() != 12 {
			t.Errorf("%d added, %d on disk", added.Load(), d.get())
		}
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBacklogIsWhatIsNotOnDisk: of what is being committed and what waits behind it,
// also when that is more than one commit takes.
func TestBacklogIsWhatIsNotOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := NewJournal(JournalOptions{Store: &slowLog{wait: 4 * time.Second}, Log: quietLog})
		defer j.Close(t.Context())
		d, n := newDurable(), uint64(0)
		add := func(bytes int) {
			n++
			j.add(record{update: store.Update{Room: "r", Data: make([]byte, bytes)}, room: d, n: n})
		}
		is := func(bytes int, age time.Duration) {
			t.Helper()
			synctest.Wait()
			if b, a := j.backlog(); b != bytes || a != age {
				t.Errorf("%d bytes, the oldest for %s; want %d, %s", b, a, bytes, age)
			}
		}
		const large = 12 << 20 // no two fit into a commit
		is(0, 0)
		add(1)
		is(1, 0)
		time.Sleep(time.Second)
		add(large)
		time.Sleep(time.Second)
		add(large)
		time.Sleep(time.Second)
		is(1+2*large, 3*time.Second)
		time.Sleep(time.Second) // the first commit ends, the second begins
		is(2*large, 3*time.Second)
		time.Sleep(4 * time.Second)
		is(large, 6*time.Second)
		time.Sleep(4 * time.Second)
		is(0, 0)
	})
}
