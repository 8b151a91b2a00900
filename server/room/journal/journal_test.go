package journal

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weft/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quietLog = slog.New(slog.DiscardHandler)

// slowLog is a store whose commits take some time, and fail when told.
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

func TestRecordsGatherDuringACommit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{wait: 5 * time.Millisecond}
		j := New(Options{Store: log, Log: quietLog})
		d := NewPosition(nil)
		j.Add(Record{Update: store.Update{Room: "r", Data: []byte{1}}, Position: d, Number: 1})
		synctest.Wait() // the first commit has begun
		for n := uint64(2); n <= 100; n++ {
			j.Add(Record{Update: store.Update{Room: "r", Data: []byte{byte(n)}}, Position: d, Number: n})
		}
		if d.Durable() != 0 {
			t.Errorf("%d records are durable before the commit", d.Durable())
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
		if d.Durable() != 100 {
			t.Errorf("%d of 100 records are durable", d.Durable())
		}
	})
}

func TestNothingIsDurableWhileTheDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{fail: true}
		j := New(Options{Store: log, Log: quietLog})
		d := NewPosition(nil)
		j.Add(Record{Update: store.Update{Room: "r", Data: []byte{1}}, Position: d, Number: 1})
		time.Sleep(time.Minute)
		if d.Durable() != 0 {
			t.Error("a record is durable without a commit")
		}
		log.failing(false)
		time.Sleep(3 * time.Second)
		if d.Durable() != 1 {
			t.Error("the record is not written after the disk works again")
		}
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseGivesUpOnADeadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{fail: true}
		j := New(Options{Store: log, Log: quietLog})
		d := NewPosition(nil)
		j.Add(Record{Update: store.Update{Room: "r", Data: []byte{1}}, Position: d, Number: 1})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := j.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Close: %v", err)
		}
		if d.Durable() != 0 {
			t.Error("a record is durable without a commit")
		}
	})
}

func TestFullJournalDelaysItsWriters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{fail: true}
		j := New(Options{Store: log, Log: quietLog})
		d := NewPosition(nil)
		var added atomic.Int32
		go func() {
			for n := range 12 {
				if roomy := j.Full(); roomy != nil {
					<-roomy
				}
				j.Add(Record{Update: store.Update{Room: "r", Data: make([]byte, 10<<20)}, Position: d, Number: uint64(n + 1)})
				added.Add(1)
			}
		}()
		time.Sleep(time.Minute)
		synctest.Wait()
		if added.Load() >= 12 {
			t.Error("120 MiB were queued while the disk fails")
		}
		log.failing(false)
		time.Sleep(time.Minute)
		if added.Load() != 12 || d.Durable() != 12 {
			t.Errorf("%d records were added and %d are durable, want 12", added.Load(), d.Durable())
		}
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBacklogCountsWhatIsNotDurable: the records in the current commit and those in the
// queue, also if these are more than one commit takes.
func TestBacklogCountsWhatIsNotDurable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New(Options{Store: &slowLog{wait: 4 * time.Second}, Log: quietLog})
		defer j.Close(t.Context())
		d, n := NewPosition(nil), uint64(0)
		add := func(bytes int) {
			n++
			j.Add(Record{Update: store.Update{Room: "r", Data: make([]byte, bytes)}, Position: d, Number: n})
		}
		is := func(bytes int, age time.Duration) {
			t.Helper()
			synctest.Wait()
			if b, a := j.Backlog(); b != bytes || a != age {
				t.Errorf("the backlog is %d bytes, the oldest for %s; want %d, %s", b, a, bytes, age)
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

// TestUpdatesShareCommitsUnderLoad: single updates are committed at once. Updates of many
// rooms share commits, and wait for that at most MaxGap.
func TestUpdatesShareCommitsUnderLoad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &slowLog{wait: 200 * time.Microsecond}
		j := New(Options{Store: log, Log: quietLog})
		d := NewPosition(nil)
		n := uint64(0)
		add := func() {
			n++
			j.Add(Record{Update: store.Update{Room: "r", Data: []byte{1}}, Position: d, Number: n})
		}
		for range 20 {
			add()
			time.Sleep(log.wait + time.Microsecond)
			if d.Durable() != n {
				t.Fatalf("an idle journal delays update %d", n)
			}
			time.Sleep(20 * time.Millisecond)
		}
		log.commits = nil
		for range 4000 { // in one second
			add()
			time.Sleep(250 * time.Microsecond)
			if lag := n - d.Durable(); lag > uint64((MaxGap+2*log.wait)/(250*time.Microsecond))+2 {
				t.Fatalf("after update %d %d updates wait", n, lag)
			}
		}
		if len(log.commits) > 200 {
			t.Errorf("%d commits for 4,000 updates in a second", len(log.commits))
		}
		if err := j.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
