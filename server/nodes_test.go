package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"weft/server/auth"
)

// sharedRedis is a real Redis that ends with the test. It keeps nothing on disk.
type sharedRedis struct {
	t   *testing.T
	dir string
	cmd *exec.Cmd
	url string
}

func startRedis(t *testing.T) *sharedRedis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("there is no redis-server on this machine: nothing was tested (go tool check installs it)")
	}
	dir, err := os.MkdirTemp("", "weft") // short: a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	r := &sharedRedis{t: t, dir: dir, url: "unix://" + filepath.Join(dir, "s")}
	t.Cleanup(func() { r.kill(); os.RemoveAll(dir) })
	r.start()
	return r
}

func (r *sharedRedis) start() {
	r.t.Helper()
	socket := filepath.Join(r.dir, "s")
	r.cmd = exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", r.dir, "--save", "", "--loglevel", "warning")
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	until(r.t, "Redis listens", func() bool { _, err := os.Stat(socket); return err == nil })
}

func (r *sharedRedis) kill() {
	if r.cmd != nil {
		r.cmd.Process.Kill()
		r.cmd.Wait()
		r.cmd = nil
		os.Remove(filepath.Join(r.dir, "s"))
	}
}

func (r *sharedRedis) signal(s syscall.Signal) {
	r.t.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}

// until waits, far longer than anything takes.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit, tick := time.After(90*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("not so: " + what)
		}
	}
}

// Who watches somebody hears how they are, over the socket and over SSE, whatever
// node they are on; and no room's name.
func TestWatchOverTwoNodes(t *testing.T) {
	shared := startRedis(t)
	c := Config{Redis: shared.url, JWTSecret: strings.Repeat("s", 32)}
	a, b := run(t, c), run(t, c)
	ana, cara := a.token(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write}), b.token(t, "cara", auth.Grant{Pattern: "**", Role: auth.Write})
	watcher := b.dial(t)
	watcher.event(0, "hello", map[string]string{"token": cara.Token})
	watcher.event(0, "watch", map[string]any{"users": []string{"ana", "nobody"}})
	stream := b.events(t, cara.Token, "", "watch=ana")
	both := func(want string) {
		t.Helper()
		watcher.until("ana is "+want, func(g got) bool {
			if g.name != "status" {
				return false
			}
			users := g.value["users"].(map[string]any)
			ana, told := users["ana"].(map[string]any)
			return told && ana["status"] == want
		})
		for {
			ev := stream.next()
			if users, ok := ev.data["users"].(map[string]any); ok && ev.name == "status" {
				if fmt.Sprint(users["ana"].(map[string]any)["status"]) == want {
					return
				}
			}
		}
	}
	both("offline")
	ws := a.enter(t, ana, "secret/room")
	both("online")
	ws.event(0, "active", map[string]bool{"on": false})
	both("idle")
	ws.event(0, "active", map[string]bool{"on": true})
	both("online")
	ws.ws.Close()
	both("offline")
	var seen map[string]map[string]any
	if code := b.call(t, "GET", "/api/presence?ids=ana", cara.Token, nil, &seen); code != 200 || seen["ana"]["lastSeen"] == nil {
		t.Errorf("%d, %v", code, seen)
	}
	if code := b.call(t, "GET", "/api/presence?ids=ana", "", nil, nil); code != 401 {
		t.Errorf("without a token: %d", code)
	}

	watcher.event(0, "unwatch", map[string]any{"users": []string{"ana"}})
	many := make([]string, 201)
	for i := range many {
		many[i] = fmt.Sprint("u", i)
	}
	watcher.event(0, "watch", map[string]any{"users": many})
	if refused := watcher.untilEvent("refused"); fmt.Sprint(refused["code"]) != "4429" {
		t.Errorf("201 people: %v", refused)
	}
}
