package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"weft/presence"
)

// TestPresenceAcrossTwoNodes checks that people on one node are seen on the other, and
// that both nodes report degraded presence on /readyz when Redis is gone.
func TestPresenceAcrossTwoNodes(t *testing.T) {
	shared := startRedis(t)
	a, b := startServer(t, Config{Redis: shared.url}), startServer(t, Config{Redis: shared.url})
	get := func(s *testServer, path string, into any) {
		t.Helper()
		answer, err := http.Get("http://" + s.host + path)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if err := json.NewDecoder(answer.Body).Decode(into); err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: status %s, error %v", path, answer.Status, err)
		}
	}
	degraded := func(s *testServer) string {
		var ready struct{ Degraded []string }
		get(s, "/readyz", &ready)
		return fmt.Sprint(ready.Degraded)
	}
	waitUntil(t, "both nodes are connected to Redis", func() bool { return degraded(a)+degraded(b) == "[][]" })
	m := presence.Member{Room: "r", Conn: "1", User: "ana", Name: "Ana"}
	if _, err := a.people.Join(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, "the other node lists Ana", func() bool {
		people, err := b.people.People(t.Context(), "r")
		return err == nil && len(people) == 1 && people[0].Name == "Ana"
	})
	shared.kill()
	waitUntil(t, "both nodes report degraded presence", func() bool { return degraded(a)+degraded(b) == "[presence][presence]" })
}

// TestBadRedisURLIsRefusedWithoutItsPassword checks that the error about a malformed URL
// does not contain the password.
func TestBadRedisURLIsRefusedWithoutItsPassword(t *testing.T) {
	_, err := New(Config{Data: t.TempDir(), Redis: "http://:hunter2@host:%zz"})
	if err == nil {
		t.Fatal("a malformed Redis URL is accepted")
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error has the password: %q", err)
	}
}
