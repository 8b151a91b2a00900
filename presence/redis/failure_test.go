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

// testFailure has ana on one node and ben and cleo on another. fail does something to
// Redis, people join and leave meanwhile, and recover ends the failure. Afterwards
// both nodes must show the same people, and nobody who stayed may have left.
func testFailure(t *testing.T, fail func(s *server), recover func(s *server, a, b *node)) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, fastOptions(s)), startNode(t, fastOptions(s))
	a.join("1", "ana")
	b.join("2", "ben")
	b.join("3", "cleo")
	a.eventuallyLists("ana:1 ben:1 cleo:1")
	b.eventuallyLists("ana:1 ben:1 cleo:1")

	statusOnA, statusOnB := a.watchStatus("ben", "cleo"), b.watchStatus("ana")
	fail(s)
	b.leave("3") // and does not join again
	b.join("4", "ben")
	b.join("5", "dan")
	p := a.join("6", "emma")
	if p.ID != "emma" || p.Name != "Name of emma" || p.Devices != 1 {
		t.Errorf("join during the failure returned %+v, want emma with one device", p)
	}
	recover(s, a, b)

	want := map[string]int{"ana": 1, "ben": 2, "dan": 1, "emma": 1}
	for _, n := range []*node{a, b} {
		n.eventuallyHas(want)
		eventually(t, "the node is no longer degraded", func() bool { return !n.Degraded() })
		for _, user := range []string{"ana", "ben", "dan", "emma"} {
			n.neverLeft(user)
		}
	}
	eventually(t, "cleo's status is offline", func() bool { return statusOnA.latest("cleo") == presence.Offline })
	for user, log := range map[string]*statusLog{"ben": statusOnA, "ana": statusOnB} {
		if log.has(user, presence.Offline) || log.latest(user) != presence.Online {
			t.Errorf("status of %s is %s, was offline before: %v; want online throughout", user, log.latest(user), log.has(user, presence.Offline))
		}
	}
	// No valid lease expires later, and no person who left is shown again.
	keepsHaving(t, 2*fastOptions(s).Lease, want, a, b)
	for _, n := range []*node{a, b} {
		for _, user := range []string{"ana", "ben", "dan", "emma"} {
			n.neverLeft(user)
		}
	}
}

// statusLog records the statuses that were reported of people.
type statusLog struct {
	mu       sync.Mutex
	statuses map[string][]presence.Status
}

// watchStatus watches people, and waits until all are reported online.
func (n *node) watchStatus(users ...string) *statusLog {
	n.t.Helper()
	l := &statusLog{statuses: map[string][]presence.Status{}}
	list := n.WatchStatus(func(changes map[string]presence.UserStatus) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for id, s := range changes {
			l.statuses[id] = append(l.statuses[id], s.Status)
		}
	})
	n.t.Cleanup(list.Stop)
	list.Add(users...)
	for _, user := range users {
		eventually(n.t, user+" is reported online", func() bool { return l.latest(user) == presence.Online })
	}
	return l
}

// latest returns the status reported last, "" if there was none.
func (l *statusLog) latest(user string) presence.Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	if all := l.statuses[user]; len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// has reports whether the status was ever reported.
func (l *statusLog) has(user string, s presence.Status) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.statuses[user], s)
}

func TestPeopleSurviveARestartOfRedis(t *testing.T) {
	testFailure(t, func(s *server) { s.kill() }, func(s *server, a, b *node) {
		eventually(t, "both nodes are degraded", func() bool { return a.Degraded() && b.Degraded() })
		s.start()
	})
}

func TestPeopleSurviveAnEmptiedRedis(t *testing.T) {
	testFailure(t, func(s *server) {
		if err := s.direct.FlushAll(context.Background()).Err(); err != nil {
			t.Fatal(err)
		}
	}, func(*server, *node, *node) {})
}

// A node that reads statuses from an emptied Redis before any lease was renewed finds
// nobody there, and does not report it.
func TestStatusOfAnEmptiedRedisIsNotReported(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	slow := fastOptions(s)
	slow.Lease = time.Minute // renewed earlier only if a node finds something wrong
	a, b := startNode(t, slow), startNode(t, slow)
	a.join("1", "ana")
	b.eventuallyLists("ana:1")
	log := b.watchStatus("ana")
	if err := s.direct.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	channels, err := s.direct.PubSubChannels(t.Context(), "*:user:*").Result()
	if err != nil || len(channels) != 1 {
		t.Fatalf("channels of people are %v, error %v, want one", channels, err)
	}
	if err := s.direct.Publish(t.Context(), channels[0], "somebody").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the node that read the status has begun a new life", func() bool {
		n, err := s.direct.Exists(t.Context(), "weft:{n}:epoch").Result()
		return err == nil && n == 1
	})
	if log.has("ana", presence.Offline) {
		t.Error("ana was reported offline")
	}
}

func TestPeopleSurviveAPauseOfRedis(t *testing.T) {
	var stopped time.Time
	testFailure(t, func(s *server) {
		s.signal(syscall.SIGSTOP)
		stopped = time.Now()
	}, func(s *server, a, b *node) {
		eventually(t, "both nodes are degraded and their leases have expired", func() bool {
			return a.Degraded() && b.Degraded() && time.Since(stopped) > fastOptions(s).Lease+time.Second
		})
		s.signal(syscall.SIGCONT)
	})
}

func TestNodeWithoutRedisServesItsOwnPeople(t *testing.T) {
	t.Parallel()
	n := startNode(t, redis.Options{URL: "unix:///nonexistent/socket", Grace: time.Second, Timeout: time.Second})
	if !n.Degraded() {
		t.Error("the node is not degraded without Redis")
	}
	p, q := n.join("1", "ana"), n.join("2", "ben")
	if p.Slot == q.Slot {
		t.Errorf("both people have slot %d", p.Slot)
	}
	n.eventuallyLists("ana:1 ben:1")
	n.leave("1")
	n.eventuallyHas(map[string]int{"ben": 1})
	if n.published() != "ana" {
		t.Errorf("leaves published: %q, want \"ana\"", n.published())
	}
}

const childURL = "WEFT_TEST_REDIS"

// TestChild is the process that TestKilledNodeIsReaped kills.
func TestChild(t *testing.T) {
	url := os.Getenv(childURL)
	if url == "" {
		t.Skip("runs only for TestKilledNodeIsReaped")
	}
	n := startNode(t, redis.Options{URL: url})
	for i := range 20 {
		n.join(fmt.Sprint("child", i), fmt.Sprint("user", i))
	}
	fmt.Println("joined")
	select {}
}

func TestKilledNodeIsReaped(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a := startNode(t, redis.Options{URL: s.URL}) // default options, as in production
	a.eventuallyLists("")
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
	eventually(t, "all people are listed", func() bool { people, _ := a.People(t.Context(), "r"); return len(people) == 20 })
	child.Process.Kill()
	child.Wait()
	killed := time.Now()
	a.join("new7", "user7") // reconnects to this node
	a.eventuallyLists("user7:1")
	t.Logf("the people of the killed node left after %s", time.Since(killed).Round(100*time.Millisecond))
	a.neverLeft("user7")
	seen, err := a.Status(t.Context(), []string{"user7", "user8"})
	if err != nil || seen["user7"].Status != presence.Online || seen["user8"].Status != presence.Offline {
		t.Errorf("status is %+v, error %v, want user7 online and user8 offline", seen, err)
	}
	eventually(t, "the killed node is reaped", func() bool {
		return s.direct.HLen(context.Background(), "weft:{n}:nodes").Val() == 1
	})
	eventually(t, "Reaped counts it once", func() bool { return a.Reaped() == 1 })
	for _, key := range keysOf(t, s) {
		if n := s.direct.HLen(context.Background(), key).Val(); n > 4 {
			t.Errorf("key %q has %d fields, want at most 4", key, n)
		}
	}
}

// Count never waits: the goroutine that publishes to all rooms calls it.
func TestCountDoesNotWaitForRedis(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	n := startNode(t, fastOptions(s))
	n.join("1", "ana")
	n.eventuallyLists("ana:1")
	s.signal(syscall.SIGSTOP) // from now on nothing can be read
	defer s.signal(syscall.SIGCONT)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	for room, want := range map[string]int{"r": 1, "never seen": 0} {
		if got, err := n.Count(over, room); err != nil || got != want {
			t.Errorf("Count(%q) = %d, %v, want %d", room, got, err, want)
		}
	}
}
