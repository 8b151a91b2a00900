package redis_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// server is a real Redis on a Unix socket in a folder of its own. It stops with the
// test and stores nothing on disk.
type server struct {
	t      testing.TB
	dir    string
	cmd    *exec.Cmd
	URL    string
	direct *goredis.Client // bypasses the trackers
}

// startServer skips the test if redis-server is not installed.
func startServer(t testing.TB) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not installed: nothing was tested (go tool check installs it)")
	}
	dir, err := os.MkdirTemp("", "weft") // short: the path of a socket has at most 107 bytes
	if err != nil {
		t.Fatal(err)
	}
	// The client below connects before Redis listens. go-redis would log that to
	// standard error, because no tracker has set its logger yet.
	goredis.SetLogger(&logging.VoidLogger{})
	s := &server{t: t, dir: dir, URL: "unix://" + filepath.Join(dir, "s")}
	options, err := goredis.ParseURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	s.direct = goredis.NewClient(options)
	s.start()
	t.Cleanup(func() {
		s.direct.Close()
		s.kill()
		os.RemoveAll(dir)
	})
	return s
}

func (s *server) start() {
	s.t.Helper()
	s.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", filepath.Join(s.dir, "s"),
		"--dir", s.dir, "--save", "", "--appendonly", "no", "--loglevel", "warning")
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "Redis answers", func() bool { return s.direct.Ping(context.Background()).Err() == nil })
}

// kill stops Redis as a crash does.
func (s *server) kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// signal sends Redis a signal, such as SIGSTOP.
func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// dump returns room r and the leases as Redis has them, for failure messages.
func dump(url string) string {
	options, err := goredis.ParseURL(url)
	if err != nil {
		return err.Error()
	}
	client := goredis.NewClient(options)
	defer client.Close()
	ctx := context.Background()
	now, err := client.Time(ctx).Result()
	return fmt.Sprintf("Redis at %d (%v) has %v, leases %v", now.UnixMilli(), err,
		client.HGetAll(ctx, roomKey).Val(), client.HGetAll(ctx, "weft:{n}:nodes").Val())
}

const (
	// patience is far longer than anything takes, also on a busy machine.
	patience = 90 * time.Second
	// pollInterval is the time between two looks at a condition.
	pollInterval = 5 * time.Millisecond
)

// eventually waits until ok returns true. Otherwise it fails the test with what, after
// it has logged what the state functions return.
func eventually(t testing.TB, what string, ok func() bool, state ...func() string) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			for _, f := range state {
				t.Log(f())
			}
			t.Fatalf("after %s this is still not so: %s", patience, what)
		}
	}
}

// staysTrue checks for a while that ok goes on returning true: that nothing happens
// which must not. It fails the test like eventually.
func staysTrue(t testing.TB, d time.Duration, what string, ok func() bool, state ...func() string) {
	t.Helper()
	begun := time.Now()
	over := time.NewTimer(d)
	defer over.Stop()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if !ok() {
			for _, f := range state {
				t.Log(f())
			}
			t.Fatalf("after %s this is no longer so: %s", time.Since(begun).Round(time.Millisecond), what)
		}
		select {
		case <-tick.C:
		case <-over.C:
			return
		}
	}
}

// letTimePass blocks for d. It is for random pauses between operations only. To wait
// for something use eventually; to see that nothing happens use staysTrue. Redis runs
// in real time, so testing/synctest cannot be used.
func letTimePass(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	<-timer.C
}
