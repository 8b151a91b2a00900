package redis_test

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weft/presence"
	"weft/presence/presencetest"
	"weft/presence/redis"
)

func TestMain(m *testing.M) {
	// The tests wait far more than they compute, so many can run at once.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// The tracker keeps the contract of presence.Tracker.
func TestTrackerContract(t *testing.T) {
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

func TestNodesShowTheSamePeople(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, fastOptions(s)), startNode(t, fastOptions(s))
	b.eventuallyLists("")
	p := a.join("1", "ana")
	b.eventuallyLists("ana:1")
	q := b.join("2", "ben")
	a.eventuallyLists("ana:1 ben:1")
	if p.Slot == q.Slot {
		t.Errorf("two people on two nodes both have slot %d", p.Slot)
	}
	again := b.join("3", "ana")
	if again.Slot != p.Slot || !again.Since.Equal(p.Since) {
		t.Errorf("on another node ana is %+v, want slot and arrival of %+v", again, p)
	}
	a.eventuallyLists("ana:2 ben:1")
	seen, err := a.Status(t.Context(), []string{"ana", "ben", "nobody"})
	if err != nil {
		t.Fatal(err)
	}
	if seen["nobody"].Status != presence.Offline || seen["ben"].Status != presence.Online {
		t.Errorf("status is %+v, want nobody offline and ben online", seen)
	}
	eventually(t, "ana has two devices", func() bool {
		seen, _ := a.Status(t.Context(), []string{"ana"})
		return seen["ana"].Devices == 2
	})
	if here, err := a.IsPresent(t.Context(), "r", "ben"); err != nil || !here {
		t.Errorf("IsPresent(ben) = %v, %v, want true", here, err)
	}
	a.leave("1")
	b.eventuallyLists("ana:1 ben:1")
	b.leave("2")
	a.eventuallyLists("ana:1")
	b.leave("3")
	a.eventuallyLists("")
	b.eventuallyLists("")
	eventually(t, "ana is offline with a last seen time", func() bool {
		seen, _ := a.Status(t.Context(), []string{"ana"})
		return seen["ana"].Status == presence.Offline && seen["ana"].LastSeen != nil
	})
	eventually(t, "Redis has no key of an empty room", func() bool {
		for _, key := range keysOf(t, s) {
			if strings.Contains(key, ":room:") || strings.Contains(key, ":user:") || strings.Contains(key, "}:node:") {
				return false
			}
		}
		return true
	})
}

// A person who is idle on one node is idle on the others, in the room and over all
// rooms. The most active device counts.
func TestIdleIsShownOnAllNodes(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, fastOptions(s)), startNode(t, fastOptions(s))
	eventuallyIs := func(want presence.Status) {
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
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	b.eventuallyHas(map[string]int{})
	a.join("1", "ana")
	eventuallyIs(presence.Online)
	check(a.MarkIdle(t.Context(), "r", "1"))
	eventuallyIs(presence.Idle)
	b.join("2", "ana")
	eventuallyIs(presence.Online)
	check(b.MarkIdle(t.Context(), "r", "2"))
	eventuallyIs(presence.Idle)
	check(a.Touch(t.Context(), "r", "1"))
	eventuallyIs(presence.Online)
	b.leave("2")
	check(a.MarkIdle(t.Context(), "r", "1"))
	eventuallyIs(presence.Idle)
	if err := s.direct.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the room is written again", func() bool { return s.direct.Exists(context.Background(), roomKey).Val() == 1 })
	eventuallyIs(presence.Idle)
	b.eventuallyHas(map[string]int{"ana": 1})
}

// A tab that reconnects to another node, under its old name or a new one, causes no
// leave. The grace period is far longer than the test takes on any machine, so that
// every leave is wrong.
func TestReconnectToAnotherNodeCausesNoLeave(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	o := fastOptions(s)
	o.Grace = 10 * time.Minute
	a, b, c := startNode(t, o), startNode(t, o), startNode(t, o)
	c.eventuallyLists("")
	a.join("1", "ana")
	a.join("2", "ben")
	c.eventuallyLists("ana:1 ben:1")
	a.leave("1")
	a.leave("2")
	c.eventuallyLists("ana:0 ben:0")
	b.join("1", "ana")
	b.join("3", "ben")
	for _, n := range []*node{a, b, c} {
		n.eventuallyLists("ana:1 ben:1")
		if leaves := n.published(); leaves != "" {
			t.Errorf("leaves published: %s", leaves)
		}
	}
}

// A tab that moved to another node and then closed there is removed everywhere, also
// if its person changed.
func TestTabMovesAndCloses(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b, c := startNode(t, fastOptions(s)), startNode(t, fastOptions(s)), startNode(t, fastOptions(s))
	a.join("1", "ana")
	a.join("2", "ben")
	for _, n := range []*node{a, b, c} {
		n.eventuallyLists("ana:1 ben:1")
	}
	b.join("1", "ana")
	b.join("2", "cleo")
	a.leave("1") // the old connections close late
	a.leave("2")
	want := map[string]int{"ana": 1, "cleo": 1}
	for _, n := range []*node{a, b, c} {
		n.eventuallyHas(want)
	}
	keepsHaving(t, 2*fastOptions(s).Grace, want, a, b, c) // beyond the grace periods on a
	for _, n := range []*node{a, b, c} {
		n.neverLeft("ana")
	}
	b.leave("1")
	b.leave("2")
	for _, n := range []*node{a, b, c} {
		n.eventuallyHas(map[string]int{})
	}
}

// A person with several tabs on a node that crashes leaves once.
func TestCrashCausesOneLeavePerPerson(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, fastOptions(s)), startNode(t, fastOptions(s))
	for _, conn := range []string{"1", "2", "3"} {
		a.join(conn, "ana")
	}
	b.eventuallyHas(map[string]int{"ana": 3})
	a.Crash()
	b.eventuallyHas(map[string]int{})
	if leaves := b.published(); leaves != "ana" {
		t.Errorf("leaves published: %q, want \"ana\"", leaves)
	}
}

// Entries that Redis has lost are written again when the room is read.
func TestLostEntriesAreWrittenAgain(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, fastOptions(s)), startNode(t, fastOptions(s))
	a.join("1", "ana")
	b.join("2", "ben")
	want := map[string]int{"ana": 1, "ben": 1}
	a.eventuallyHas(want)
	b.eventuallyHas(want)
	if err := s.direct.Del(t.Context(), roomKey).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.direct.Publish(t.Context(), roomKey, "").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both entries are written again", func() bool {
		fields := s.direct.HGetAll(context.Background(), roomKey).Val()
		return fields["c1"] != "" && fields["c2"] != ""
	})
	a.eventuallyHas(want)
	b.eventuallyHas(want)
}

func TestHostileNamesStayInsideThePrefix(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	a, b := startNode(t, fastOptions(s)), startNode(t, fastOptions(s))
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
				t.Fatalf("join of %q in %q: got %+v, error %v", user, room, p, err)
			}
		}
	}
	for _, room := range hostile {
		var people []presence.Person
		eventually(t, fmt.Sprintf("all people are listed in %q", room), func() bool {
			people, _ = b.People(ctx, room)
			return len(people) == len(hostile)
		})
		for i, p := range people {
			if p.ID != hostile[i] || p.Name != hostile[i]+"\r\n5:" || p.Avatar != room {
				t.Errorf("in %q person %d is %+v, want %q", room, i, p, hostile[i])
			}
		}
	}
	for _, key := range keysOf(t, s) {
		if key != "other" && !strings.HasPrefix(key, "weft:{") {
			t.Errorf("key outside the prefix: %q", key)
		}
		for _, c := range key {
			if c <= ' ' || c > '~' || strings.ContainsRune("*?[]\\", c) {
				t.Errorf("key %q contains %q", key, c)
			}
		}
	}
	if v := s.direct.Get(ctx, "other").Val(); v != "mine" {
		t.Errorf("the key of another program is %q, want \"mine\"", v)
	}
	if a.Degraded() || b.Degraded() {
		t.Error("a node is degraded")
	}
}
