package e2e

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

const (
	crashWriters = 20
	crashRooms   = 10
)

// TestKillLosesNothingAcked checks that SIGKILL at any moment loses no edit and no
// message that was acknowledged, and restores no deleted token, and that all replicas
// converge after the restart.
func TestKillLosesNothingAcked(t *testing.T) {
	rounds := 3
	if text := os.Getenv("WEFT_CRASH_ROUNDS"); text != "" {
		var err error
		if rounds, err = strconv.Atoi(text); err != nil || rounds < 1 {
			t.Fatalf("WEFT_CRASH_ROUNDS=%s: want a number of at least 1", text)
		}
	}
	random, data := newSeededRandom(t), filepath.Join(t.TempDir(), "data")
	writers := newWriters(t, random, crashWriters, crashRooms)
	var chat *poster
	before := 0
	for round := range rounds {
		p := start(t, data)
		writers.verify(t, p)
		if chat == nil {
			chat = newPoster(t, p, writers[0].room)
		}
		chat.verify(p)
		writers.connect(t, p)
		wait := writers.run(nil)
		var posting sync.WaitGroup
		posting.Go(func() { chat.run(p) })
		life := 200*time.Millisecond + time.Duration(random.Int64N(int64(1800*time.Millisecond)))
		keepLoad(life)
		p.kill()
		wait()
		posting.Wait()
		writers.waitUntilClosed()
		acked := writers.countAcked()
		t.Logf("round %d: killed after %s, %d edits acked", round+1, life.Round(time.Millisecond), acked-before)
		if acked == before {
			t.Error("no edit was acked in this round, so the test shows nothing")
		}
		before = acked
	}
	p := start(t, data)
	writers.verify(t, p)
	chat.verify(p)
	writers.connect(t, p)
	writers.converge(t)
	p.checkAlive()
	if len(chat.acked) == 0 {
		t.Error("no message was acked, so the test shows nothing about chat")
	}
	t.Logf("%d rounds of kill -9 under load from %d clients in %d rooms: %d edits and %d messages acked, 0 lost, all replicas converged",
		rounds, crashWriters, crashRooms, before, len(chat.acked))
}

// TestTerminateUnderLoad checks that SIGTERM ends the program with status 0 within 20 s,
// closes every socket with code 1012, and loses no acknowledged edit.
func TestTerminateUnderLoad(t *testing.T) {
	random, data := newSeededRandom(t), filepath.Join(t.TempDir(), "data")
	writers := newWriters(t, random, crashWriters, crashRooms)
	p := start(t, data)
	writers.connect(t, p)
	wait := writers.run(nil)
	waitUntil(t, "the first 100 acks", func() bool { return writers.countAcked() >= 100 })
	code, took := p.terminate()
	wait()
	writers.waitUntilClosed()
	if code != 0 || took > 20*time.Second {
		t.Errorf("exit status %d after %s, want 0 within 20 s", code, took)
	}
	for _, w := range writers {
		if got := w.closeCode(); got != 1012 {
			t.Errorf("writer %d was closed with %d, want 1012", w.id, got)
		}
	}
	if writers.countAcked() == 0 {
		t.Error("nothing was acked, so the test shows nothing")
	}
	p = start(t, data)
	writers.verify(t, p)
	writers.connect(t, p)
	writers.converge(t)
	t.Logf("SIGTERM under load: ended after %s, %d edits acked, 0 lost", took.Round(time.Millisecond), writers.countAcked())
}

// TestDataFolderHasOneOwner checks that a second process refuses to start on the same
// data folder, and that the first one keeps running.
func TestDataFolderHasOneOwner(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	first := start(t, data)
	second, line := launch(t, data)
	if line != "" {
		t.Errorf("the second process prints %q, want nothing", line)
		return
	}
	if code := second.wait(); code == 0 {
		t.Error("the second process has exit status 0, want an error")
	}
	if !second.log.contains(data) && !second.log.contains("another") {
		t.Errorf("the second process does not log the reason: %s", second.log)
	}
	first.checkAlive()
	c := newClient(t, "a", 1)
	if err := c.connect(first); err != nil {
		t.Error(err)
	}
}
