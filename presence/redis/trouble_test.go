package redis_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"weft/presence"
	"weft/presence/redis"
)

// trouble is two nodes with ana on the first and ben on the second, something that
// happens to Redis, and cleo and ben who move meanwhile.
func trouble(t *testing.T, happen, pass func(s *server)) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, quick(s)), startNode(t, quick(s))
	a.join("1", "ana")
	b.join("2", "ben")
	b.join("3", "cleo")
	a.shows("ana:1 ben:1 cleo:1")
	b.shows("ana:1 ben:1 cleo:1")

	onB, onA := a.follows("ben", "cleo"), b.follows("ana")
	happen(s)
	b.leave("3") // for good
	b.join("4", "ben")
	b.join("5", "dan")
	p := a.join("6", "emma")
	if p.ID != "emma" || p.Name != "Name of emma" || p.Devices != 1 {
		t.Errorf("joined meanwhile: %+v", p)
	}
	pass(s)

	want := map[string]int{"ana": 1, "ben": 2, "dan": 1, "emma": 1}
	for _, n := range []*node{a, b} {
		n.agrees(want)
		eventually(t, "not degraded any more", func() bool { return !n.Degraded() })
		for _, user := range []string{"ana", "ben", "dan", "emma"} {
			n.neverLeft(user)
		}
	}
	eventually(t, "cleo is followed to the end", func() bool { return onB.is("cleo") == presence.Offline })
	for who, list := range map[string]*followed{"ben": onB, "ana": onA} {
		if list.was(who, presence.Offline) || list.is(who) != presence.Online {
			t.Errorf("%s is told to be %s, and flickers %v", who, list.is(who), list.was(who, presence.Offline))
		}
	}
	// And later: no lease runs out that should not, and nobody comes back.
	wait(quick(s).Lease * 2)
	for _, n := range []*node{a, b} {
		n.agrees(want)
		for _, user := range []string{"ana", "ben", "dan", "emma"} {
			n.neverLeft(user)
		}
	}
}

// followed is what was told of people.
type followed struct {
	mu   sync.Mutex
	told map[string][]presence.Status
}

// follows follows people, and waits until all are told to be online.
func (n *node) follows(users ...string) *followed {
	n.t.Helper()
	f := &followed{told: map[string][]presence.Status{}}
	list := n.WatchStatus(func(news map[string]presence.UserStatus) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for id, seen := range news {
			f.told[id] = append(f.told[id], seen.Status)
		}
	})
	n.t.Cleanup(list.Stop)
	list.Add(users...)
	for _, user := range users {
		eventually(n.t, user+" is followed", func() bool { return f.is(user) == presence.Online })
	}
	return f
}

func (f *followed) is(user string) presence.Status {
	f.mu.Lock()
	defer f.mu.Unlock()
	if told := f.told[user]; len(told) > 0 {
		return told[len(told)-1]
	}
	return ""
}

func (f *followed) was(user string, s presence.Status) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Contains(f.told[user], s)
}

func TestRedisRestarted(t *testing.T) {
	trouble(t, func(s *server) { s.kill() }, func(s *server) {
		wait(time.Second)
		s.start()
	})
}

func TestRedisFlushed(t *testing.T) {
	trouble(t, func(s *server) {
		if err := s.direct.FlushAll(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
	}, func(*server) {})
}

// TestFollowersDoNotBelieveAnEmptyRedis: who looks before any lease was renewed finds
// nobody in it, and does not say so.
func TestFollowersDoNotBelieveAnEmptyRedis(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	slow := quick(s)
	slow.Lease = time.Minute // renewed when something is found to be wrong
	a, b := startNode(t, slow), startNode(t, slow)
	a.join("1", "ana")
	b.shows("ana:1")
	list := b.follows("ana")
	if err := s.direct.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	channels, err := s.direct.PubSubChannels(t.Context(), "*:user:*").Result()
	if err != nil || len(channels) != 1 {
		t.Fatalf("followed are %v: %v", channels, err)
	}
	if err := s.direct.Publish(t.Context(), channels[0], "somebody").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the looking node has come back", func() bool {
		n, err := s.direct.Exists(t.Context(), "weft:{n}:epoch").Result()
		return err == nil && n == 1
	})
	if list.was("ana", presence.Offline) {
		t.Error("ana is told to be offline")
	}
}

func TestRedisPaused(t *testing.T) {
	trouble(t, func(s *server) { s.signal(syscall.SIGSTOP) }, func(s *server) {
		wait(6 * time.Second) // longer than the lease
		s.signal(syscall.SIGCONT)
	})
}

func TestWithoutRedisTheNodeServesAlone(t *testing.T) {
	t.Parallel()
	n := startNode(t, redis.Options{URL: "unix:///nonexistent/socket", Grace: time.Second, Timeout: time.Second})
	if !n.Degraded() {
		t.Error("not degraded")
	}
	p, q := n.join("1", "ana"), n.join("2", "ben")
	if p.Slot == q.Slot {
		t.Error("two people have one slot")
	}
	n.shows("ana:1 ben:1")
	n.leave("1")
	n.agrees(map[string]int{"ben": 1})
	if n.told() != "ana" {
		t.Errorf("leaves told: %q", n.told())
	}
}

const childURL = "WEFT_TEST_REDIS"

// TestChild is the node that TestKilledNode kills.
func TestChild(t *testing.T) {
	url := os.Getenv(childURL)
	if url == "" {
		t.Skip("runs only for TestKilledNode")
	}
	n := startNode(t, redis.Options{URL: url})
	for i := range 20 {
		n.join(fmt.Sprint("child", i), fmt.Sprint("user", i))
	}
	fmt.Println("joined")
	select {}
}

func TestKilledNode(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a := startNode(t, redis.Options{URL: s.URL}) // as in production
	a.shows("")
	child := exec.Command(os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childURL+"="+s.URL)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != "joined" {
	}
	eventually(t, "all are shown", func() bool { people, _ := a.People(t.Context(), "r"); return len(people) == 20 })
	child.Process.Kill()
	child.Wait()
	killed := time.Now()
	a.join("new7", "user7") // comes back here
	a.shows("user7:1")
	t.Logf("gone %s after kill -9", time.Since(killed).Round(100*time.Millisecond))
	a.neverLeft("user7")
	seen, err := a.Status(t.Context(), []string{"user7", "user8"})
	if err != nil || seen["user7"].Status != presence.Online || seen["user8"].Status != presence.Offline {
		t.Errorf("status %+v, %v", seen, err)
	}
	eventually(t, "what it wrote is reaped", func() bool {
		return s.direct.HLen(context.Background(), "weft:{n}:nodes").Val() == 1
	})
	eventually(t, "that is counted once", func() bool { return a.Reaped() == 1 })
	for _, key := range keysOf(t, s) {
		if n := s.direct.HLen(context.Background(), key).Val(); n > 4 {
			t.Errorf("%q has %d fields", key, n)
		}
	}
}

// TestCountWaitsForNothing: everybody is told of their rooms by who counts.
func TestCountWaitsForNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	n := startNode(t, quick(s))
	n.join("1", "ana")
	n.shows("ana:1")
	s.signal(syscall.SIGSTOP) // from now on nothing can be read
	defer s.signal(syscall.SIGCONT)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for room, want := range map[string]int{"r": 1, "never seen": 0} {
		if got, err := n.Count(over, room); err != nil || got != want {
			t.Errorf("%d people in %q, %v, want %d", got, room, err, want)
		}
	}
}
