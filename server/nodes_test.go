package server

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"weft/server/auth"
)

// sharedRedis is a real Redis that ends with the test. It keeps nothing on disk.
type sharedRedis struct {
	t   testing.TB
	dir string
	cmd *exec.Cmd
	url string
}

func startRedis(t testing.TB) *sharedRedis {
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
	waitUntil(r.t, "Redis listens", func() bool { _, err := os.Stat(socket); return err == nil })
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

// Who watches somebody hears how they are, over the socket and over SSE, whatever
// node they are on; and no room's name.
func TestWatchedStatusAcrossTwoNodes(t *testing.T) {
	shared := startRedis(t)
	c := Config{Redis: shared.url, JWTSecret: strings.Repeat("s", 32), grace: time.Second}
	a, b := startServer(t, c), startServer(t, c)
	ana, cara := a.newUser(t, "ana", auth.Grant{Pattern: "**", Role: auth.Write}), b.newUser(t, "cara", auth.Grant{Pattern: "**", Role: auth.Write})
	watcher := b.dialNative(t)
	watcher.sendEvent(0, "hello", map[string]string{"token": cara.Token})
	watcher.sendEvent(0, "watch", map[string]any{"users": []string{"ana", "nobody"}})
	stream := b.openEvents(t, cara.Token, "", "watch=ana")
	both := func(want string) {
		t.Helper()
		watcher.waitFor("ana is "+want, func(g received) bool {
			if g.name != "status" {
				return false
			}
			users := g.value["users"].(map[string]any)
			ana, told := users["ana"].(map[string]any)
			return told && ana["status"] == want
		})
		for {
			ev := stream.readEvent()
			if users, ok := ev.data["users"].(map[string]any); ok && ev.name == "status" {
				if fmt.Sprint(users["ana"].(map[string]any)["status"]) == want {
					return
				}
			}
		}
	}
	both("offline")
	room := b.followRoom(t, "secret/room", cara.Token, "") // where nobody on that node is
	ws := a.joinRoom(t, ana, "secret/room")
	both("online")
	if e := room.readEvent(t, "presence"); !strings.Contains(e["data"], `"ana"`) {
		t.Errorf("the room's stream on the other node tells %v", e)
	}
	ws.sendEvent(1, "typing", map[string]any{"on": true})
	if e := room.readEvent(t, "typing"); !strings.Contains(e["data"], `"ana"`) {
		t.Errorf("the room's stream on the other node tells %v", e)
	}
	ws.sendEvent(0, "active", map[string]bool{"on": false})
	both("idle")
	ws.sendEvent(0, "active", map[string]bool{"on": true})
	both("online")
	ws.ws.Close()
	both("offline")
	var seen map[string]map[string]any
	if code := b.requestJSON(t, "GET", "/api/presence?ids=ana", cara.Token, nil, &seen); code != 200 || seen["ana"]["lastSeen"] == nil {
		t.Errorf("%d, %v", code, seen)
	}
	if code := b.requestJSON(t, "GET", "/api/presence?ids=ana", "", nil, nil); code != 401 {
		t.Errorf("without a token: %d", code)
	}

	watcher.sendEvent(0, "unwatch", map[string]any{"users": []string{"ana"}})
	many := make([]string, 201)
	for i := range many {
		many[i] = fmt.Sprint("u", i)
	}
	watcher.sendEvent(0, "watch", map[string]any{"users": many})
	if refused := watcher.waitForEvent("refused"); fmt.Sprint(refused["code"]) != "4429" {
		t.Errorf("201 people: %v", refused)
	}
}

// Two servers and one Redis: arrivals, departures, typing and who is watched agree,
// and again after Redis was restarted, emptied and stopped for a while, with nobody
// told to be gone who stayed and no typing that stays behind.
func TestTwoNodesRecoverFromRedisFailures(t *testing.T) {
	shared := startRedis(t)
	c := Config{Redis: shared.url, JWTSecret: strings.Repeat("s", 32), grace: time.Second, lease: 5 * time.Second}
	a, b := startServer(t, c), startServer(t, c)
	enter := func(s *testServer, user string) *roomView {
		return watchRoom(s.joinRoom(t, s.newUser(t, user, auth.Grant{Pattern: "**", Role: auth.Write}), "r"))
	}
	ana, ben := enter(a, "ana"), enter(b, "ben")
	agree := func(when, typing string, people ...string) {
		t.Helper()
		since := time.Now()
		for _, v := range []*roomView{ana, ben} {
			v.waitForView(t, when, typing, people...)
		}
		t.Logf("%s: both know after %s", when, time.Since(since).Round(10*time.Millisecond)) // asked for within 1 s; not a test's to assert
	}
	agree("at first", "", "ana", "ben")
	talk := func(when string) {
		t.Helper()
		cleo := enter(b, "cleo")
		agree(when, "", "ana", "ben", "cleo")
		cleo.sendEvent(1, "typing", map[string]any{"on": true})
		agree(when+", typing", "cleo", "ana", "ben", "cleo")
		cleo.sendEvent(1, "typing", map[string]any{"on": true, "thread": "m1"})
		agree(when+", in a thread", "m1:cleo", "ana", "ben", "cleo")
		cleo.sendEvent(1, "send", map[string]any{"id": when, "text": "hello"})
		agree(when+", sent", "", "ana", "ben", "cleo")
		cleo.sendEvent(1, "typing", map[string]any{"on": true})
		agree(when+", typing again", "cleo", "ana", "ben", "cleo")
		cleo.ws.Close()
		agree(when+", gone", "", "ana", "ben")
	}
	healthy := func() {
		t.Helper()
		waitUntil(t, "both have Redis", func() bool { return len(a.degraded())+len(b.degraded()) == 0 })
	}
	talk("calm")

	shared.kill()
	waitUntil(t, "both are alone", func() bool { return len(a.degraded())*len(b.degraded()) > 0 })
	ana.sendEvent(1, "typing", map[string]any{"on": true})
	ana.waitForView(t, "alone", "ana", "ana", "ben")
	shared.start()
	healthy()
	talk("restarted")

	flush := exec.Command("redis-cli", "-s", strings.TrimPrefix(shared.url, "unix://"), "flushall")
	if out, err := flush.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	talk("emptied")

	shared.signal(syscall.SIGSTOP)
	waitUntil(t, "both are alone", func() bool { return len(a.degraded())*len(b.degraded()) > 0 })
	shared.signal(syscall.SIGCONT)
	healthy()
	talk("stopped for a while")

	for _, v := range []*roomView{ana, ben} {
		for _, user := range []string{"ana", "ben"} {
			if n := v.timesLeft(user); n > 0 {
				t.Errorf("%s was told %d times to have left", user, n)
			}
		}
	}
}

// view is what one client in a room has been told.
type roomView struct {
	*nativeClient

	mu     sync.Mutex
	people map[string]bool
	typing map[string]string // users by thread
	leaves map[string]int
}

// watch reads all that the client is told from now on.
func watchRoom(c *nativeClient) *roomView {
	v := &roomView{nativeClient: c, people: map[string]bool{}, typing: map[string]string{}, leaves: map[string]int{}}
	for _, p := range c.joined["people"].([]any) {
		v.people[p.(map[string]any)["id"].(string)] = true
	}
	go func() {
		for {
			g, err := c.readMessage()
			if err != nil {
				return
			}
			v.record(g)
		}
	}()
	return v
}

func (v *roomView) record(g received) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch g.name {
	case "presence":
		for _, id := range g.value["leaves"].([]any) {
			delete(v.people, id.(string))
			v.leaves[id.(string)]++
		}
		for _, p := range g.value["joins"].([]any) {
			v.people[p.(map[string]any)["id"].(string)] = true
		}
	case "typing", "typing.thread":
		var users []string
		for _, u := range g.value["users"].([]any) {
			users = append(users, u.(map[string]any)["id"].(string))
		}
		thread, _ := g.value["thread"].(string)
		if v.typing[thread] = strings.Join(users, " "); len(users) == 0 {
			delete(v.typing, thread)
		}
	}
}

// shows waits until the people are these, and typing as "ana ben" or "THREAD:ana".
func (v *roomView) waitForView(t *testing.T, when, typing string, people ...string) {
	t.Helper()
	var last string
	waitUntil(t, fmt.Sprintf("%s: %v are here and %q type", when, people, typing), func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		now := []string{}
		for thread, users := range v.typing {
			if thread != "" {
				users = thread + ":" + users
			}
			now = append(now, users)
		}
		here := slices.Sorted(maps.Keys(v.people))
		last = fmt.Sprintf("%v, typing %v", here, now)
		return slices.Equal(here, people) && strings.Join(now, " ") == typing
	}, &last)
}

func (v *roomView) timesLeft(user string) int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.leaves[user]
}
