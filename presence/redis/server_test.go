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

// server is a real Redis on a socket in a folder of its own, that ends with the
// test. It keeps nothing on disk.
type server struct {
	t      testing.TB
	dir    string
	cmd    *exec.Cmd
	URL    string
	direct *goredis.Client
}

func startServer(t testing.TB) *server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("there is no redis-server on this machine: nothing was tested (go tool check installs it)")
	}
	dir, err := os.MkdirTemp("", "weft") // short: a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	// The client below asks before Redis listens, and no tracker may have said yet where
	// go-redis is to complain of it: on standard error otherwise.
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

// kill ends Redis at once, as a crash does.
func (s *server) kill() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

func (s *server) signal(sig syscall.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// dump is room r and the leases as Redis has them.
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

// patience is far longer than anything takes, for machines with much else to do.
const patience = 90 * time.Second

// eventually waits until ok says so, or fails and says what state says.
func eventually(t testing.TB, what string, ok func() bool, state ...func() string) {
	t.Helper()
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit.C:
			for _, f := range state {
				t.Log(f())
			}
			t.Fatalf("not so after %s: %s", patience, what)
		}
	}
}

// wait lets time pass in which nothing should happen.
func wait(d time.Duration) { <-time.After(d) }
