package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weft/presence"
)

// People on one node are seen on the other; without Redis each goes on alone and
// says so.
func TestPresenceOverTwoNodes(t *testing.T) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("there is no redis-server on this machine: nothing was tested (go tool check installs it)")
	}
	dir, err := os.MkdirTemp("", "weft") // short: a socket's path has 107 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s")
	redis := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "")
	if err := redis.Start(); err != nil {
		t.Fatal(err)
	}
	stop := func() {
		if redis != nil {
			redis.Process.Kill()
			redis.Wait()
			redis = nil
		}
	}
	t.Cleanup(func() { stop(); os.RemoveAll(dir) })
	until := func(what string, ok func() bool) {
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
	until("Redis listens", func() bool { _, err := os.Stat(socket); return err == nil })
	a, b := run(t, Config{Redis: "unix://" + socket}), run(t, Config{Redis: "unix://" + socket})
	get := func(s *site, path string, into any) {
		t.Helper()
		answer, err := http.Get("http://" + s.host + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s, %v", path, answer.Status, err)
		}
	}
	degraded := func(s *site) string {
		var ready struct{ Degraded []string }
		get(s, "/readyz", &ready)
		return fmt.Sprint(ready.Degraded)
	}
	until("both have Redis", func() bool { return degraded(a)+degraded(b) == "[][]" })
	m := presence.Member{Room: "r", Conn: "1", User: "ana", Name: "Ana"}
	if _, err := a.people.Join(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	until("the other node knows", func() bool {
		people, err := b.people.People(t.Context(), "r")
		return err == nil && len(people) == 1 && people[0].Name == "Ana"
	})
	stop()
	until("both say that they are alone", func() bool { return degraded(a)+degraded(b) == "[presence][presence]" })
}

func TestBadRedisURLIsRefusedWithoutItsPassword(t *testing.T) {
	_, err := New(Config{Data: t.TempDir(), Redis: "http://:hunter2@host:%zz"})
	if err == nil {
		t.Fatal("accepted")
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %q", err)
	}
}
