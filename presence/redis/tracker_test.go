package redis_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weft/presence"
	"weft/presence/presencetest"
	"weft/presence/redis"
)

func TestMain(m *testing.M) {
	// The tests wait far more than they compute: let them wait together.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

func TestRedis(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	presencetest.RunIn(t, presencetest.Real(2*time.Second, 100*time.Millisecond),
		func(t *testing.T, times presencetest.Times) presence.Tracker {
			tracker, err := redis.New(redis.Options{
				URL: s.URL, Grace: times.Grace, Idle: times.Idle, Away: times.Away, Timeout: 30 * time.Second,
			})
			if err != nil {
				t.Fatal(err)
			}
			return tracker
		})
}

// node is a tracker, and what it has told.
type node struct {
	*redis.Tracker
	t   testing.TB
	url string

	mu     sync.Mutex
	here   map[string]presence.Person // of room r
	leaves []string
}

// quick are options with which trouble passes in seconds.
func quick(s *server) redis.Options {
	return redis.Options{URL: s.URL, Grace: 2 * time.Second, Lease: 5 * time.Second, Timeout: time.Second}
}

func startNode(t testing.TB, o redis.Options) *node {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	tracker, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Tracker: tracker, t: t, url: o.URL, here: map[string]presence.Person{}}
	tracker.Watch(func(d presence.Diff) {
		if d.Room != "r" {
			return
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		for _, id := range d.Leaves {
			delete(n.here, id)
			n.leaves = append(n.leaves, id)
		}
		for _, p := range d.Joins {
			n.here[p.ID] = p
			if slices.Contains(d.Leaves, p.ID) {
				t.Errorf("%s joins and leaves in one diff", p.ID)
			}
		}
	})
	t.Cleanup(func() { tracker.Close() })
	return n
}

func (n *node) join(conn, user string) presence.Person {
	n.t.Helper()
	p, err := n.Join(context.Background(), presence.Member{Room: "r", Conn: conn, User: user, Name: "Name of " + user})
	if err != nil {
		n.t.Fatal(err)
	}
	return p
}

func (n *node) leave(conn string) {
	n.t.Helper()
	if err := n.Leave(context.Background(), "r", conn); err != nil {
		n.t.Fatal(err)
	}
}

// list is the room as "ana:2 ben:1", by arrival, people with their devices.
func (n *node) list() string {
	n.t.Helper()
	people, err := n.People(context.Background(), "r")
	if err != nil {
		n.t.Fatal(err)
	}
	var all []string
	for _, p := range people {
		all = append(all, fmt.Sprintf("%s:%d", p.ID, p.Devices))
	}
	return strings.Join(all, " ")
}

// agrees waits until what is listed and what was told are both want, people with
// their devices.
func (n *node) agrees(want map[string]int) {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("listed and told is %v", want), func() bool {
		people, err := n.People(context.Background(), "r")
		return err == nil && maps.Equal(count(people), want) && maps.Equal(n.shown(), want)
	}, func() string {
		return fmt.Sprintf("listed %s, told %v, degraded %v\n%s", n.list(), n.shown(), n.Degraded(), dump(n.url))
	})
}

func (n *node) told() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.leaves, " ")
}

func (n *node) shows(want string) {
	n.t.Helper()
	eventually(n.t, "shown is "+want, func() bool { return n.list() == want })
}

func (n *node) neverLeft(user string) {
	n.t.Helper()
	for _, id := range strings.Fields(n.told()) {
		if id == user {
			n.t.Errorf("%s was told to have left", user)
		}
	}
}

func TestNodesAgree(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, quick(s)), startNode(t, quick(s))
	b.shows("")
	p := a.join("1", "ana")
	b.shows("ana:1")
	q := b.join("2", "ben")
	a.shows("ana:1 ben:1")
	if p.Slot == q.Slot {
		t.Errorf("both have slot %d", p.Slot)
	}
	again := b.join("3", "ana")
	if again.Slot != p.Slot || !again.Since.Equal(p.Since) {
		t.Errorf("on another node %+v, was %+v", again, p)
	}
	a.shows("ana:2 ben:1")
	seen, err := a.Status(t.Context(), []string{"ana", "ben", "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	if seen["nobody"].Status != presence.Offline || seen["ben"].Status != presence.Online {
		t.Errorf("status %+v", seen)
	}
	eventually(t, "ana has two devices", func() bool {
		seen, _ := a.Status(t.Context(), []string{"ana"})
		return seen["ana"].Devices == 2
	})
	if here, err := a.IsPresent(t.Context(), "r", "ben"); err != nil || !here {
		t.Errorf("ben is here: %v, %v", here, err)
	}
	a.leave("1")
	b.shows("ana:1 ben:1")
	b.leave("2")
	a.shows("ana:1")
	b.leave("3")
	a.shows("")
	b.shows("")
	eventually(t, "ana was seen", func() bool {
		seen, _ := a.Status(t.Context(), []string{"ana"})
		return seen["ana"].Status == presence.Offline && seen["ana"].LastSeen != nil
	})
	eventually(t, "Redis keeps nothing of an empty room", func() bool {
		for _, key := range keysOf(t, s) {
			if strings.Contains(key, ":room:") || strings.Contains(key, ":user:") || strings.Contains(key, "}:node:") {
				return false
			}
		}
		return true
	})
}

// Who is idle or away on one node is so on the others, in the room and over all
// rooms; the most active device counts.
func TestIdleOverNodes(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, quick(s)), startNode(t, quick(s))
	are := func(want presence.Status) {
		t.Helper()
		for _, n := range []*node{a, b} {
			eventually(t, "ana is "+string(want), func() bool {
				people, _ := n.People(context.Background(), "r")
				seen, _ := n.Status(context.Background(), []string{"ana"})
				n.mu.Lock()
				defer n.mu.Unlock()
				return len(people) == 1 && people[0].Status == want && n.here["ana"].Status == want && seen["ana"].Status == want
			})
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	b.agrees(map[string]int{})
	a.join("1", "ana")
	are(presence.Online)
	must(a.MarkIdle(t.Context(), "r", "1"))
	are(presence.Idle)
	b.join("2", "ana")
	are(presence.Online)
	must(b.MarkIdle(t.Context(), "r", "2"))
	are(presence.Idle)
	must(a.Touch(t.Context(), "r", "1"))
	are(presence.Online)
	b.leave("2")
	must(a.MarkIdle(t.Context(), "r", "1"))
	are(presence.Idle)
	if err := s.direct.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is written again", func() bool { return s.direct.Exists(context.Background(), roomKey).Val() == 1 })
	are(presence.Idle)
	b.agrees(map[string]int{"ana": 1})
}

func keysOf(t testing.TB, s *server) []string {
	t.Helper()
	keys, err := s.direct.Keys(context.Background(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// A tab that comes back to another node, as itself or as new, shows nothing. The
// grace period is far longer than the test takes on any machine, so only a flicker
// could be told.
func TestReconnectElsewhereShowsNothing(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := quick(s)
	o.Grace = 10 * time.Minute
	a, b, c := startNode(t, o), startNode(t, o), startNode(t, o)
	c.shows("")
	a.join("1", "ana")
	a.join("2", "ben")
	c.shows("ana:1 ben:1")
	a.leave("1")
	a.leave("2")
	c.shows("ana:0 ben:0")
	b.join("1", "ana")
	b.join("3", "ben")
	for _, n := range []*node{a, b, c} {
		n.shows("ana:1 ben:1")
		if told := n.told(); told != "" {
			t.Errorf("leaves told: %s", told)
		}
	}
}

// A tab that moved to another node and then left there is gone everywhere, whoever
// it was before.
func TestMovedAndLeft(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b, c := startNode(t, quick(s)), startNode(t, quick(s)), startNode(t, quick(s))
	a.join("1", "ana")
	a.join("2", "ben")
	for _, n := range []*node{a, b, c} {
		n.shows("ana:1 ben:1")
	}
	b.join("1", "ana")
	b.join("2", "cleo")
	a.leave("1") // the old sockets end late
	a.leave("2")
	wait(2 * quick(s).Grace)
	for _, n := range []*node{a, b, c} {
		n.agrees(map[string]int{"ana": 1, "cleo": 1})
		n.neverLeft("ana")
	}
	b.leave("1")
	b.leave("2")
	for _, n := range []*node{a, b, c} {
		n.agrees(map[string]int{})
	}
}

// Somebody with several tabs on a node that crashes is told to have left, once and
// for good.
func TestCrashWithSeveralTabs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, quick(s)), startNode(t, quick(s))
	for _, conn := range []string{"1", "2", "3"} {
		a.join(conn, "ana")
	}
	b.agrees(map[string]int{"ana": 3})
	a.Crash()
	b.agrees(map[string]int{})
	if told := b.told(); told != "ana" {
		t.Errorf("leaves told: %q", told)
	}
}

// What Redis has lost of a room comes back once the room is read.
func TestLostRoomIsWrittenAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, quick(s)), startNode(t, quick(s))
	a.join("1", "ana")
	b.join("2", "ben")
	want := map[string]int{"ana": 1, "ben": 1}
	a.agrees(want)
	b.agrees(want)
	if err := s.direct.Del(t.Context(), roomKey).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.direct.Publish(t.Context(), roomKey, "").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both are written again", func() bool {
		fields := s.direct.HGetAll(context.Background(), roomKey).Val()
		return fields["c1"] != "" && fields["c2"] != ""
	})
	a.agrees(want)
	b.agrees(want)
}

func TestHostileNamesStayInsideThePrefix(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, quick(s)), startNode(t, quick(s))
	ctx := t.Context()
	hostile := []string{
		"*", "?[a-z]", "a b c", "x\r\nFLUSHALL\r\n", "{n}:nodes", "weft:{n}:nodes", "..", "a:b", "a", "\x00", "c1", "n", "s",
		"%s%d", "'); redis.call('FLUSHALL') --", "ä\u202e", strings.Repeat("x", 128), "0 0 o ana", "1:2", "\xff\xfe",
	}
	if err := s.direct.Set(ctx, "other", "mine", 0).Err(); err != nil {
		t.Fatal(err)
	}
	for _, room := range hostile {
		for _, user := range hostile {
			m := presence.Member{Room: room, Conn: "conn " + user, User: user, Name: user + "\r\n5:", Avatar: room}
			if p, err := a.Join(ctx, m); err != nil || p.ID != user || p.Name != m.Name || p.Avatar != m.Avatar {
				t.Fatalf("%q in %q: %+v, %v", user, room, p, err)
			}
		}
	}
	for _, room := range hostile {
		var people []presence.Person
		eventually(t, fmt.Sprintf("all are in %q", room), func() bool {
			people, _ = b.People(ctx, room)
			return len(people) == len(hostile)
		})
		for i, p := range people {
			if p.ID != hostile[i] || p.Name != hostile[i]+"\r\n5:" || p.Avatar != room {
				t.Errorf("in %q: %+v, want %q", room, p, hostile[i])
			}
		}
	}
	for _, key := range keysOf(t, s) {
		if key != "other" && !strings.HasPrefix(key, "weft:{") {
			t.Errorf("outside the prefix: %q", key)
		}
		for _, c := range key {
			if c <= ' ' || c > '~' || strings.ContainsRune("*?[]\\", c) {
				t.Errorf("a key has %q: %q", c, key)
			}
		}
	}
	if v := s.direct.Get(ctx, "other").Val(); v != "mine" {
		t.Errorf("somebody else's key is %q", v)
	}
	if a.Degraded() || b.Degraded() {
		t.Error("degraded")
	}
}
