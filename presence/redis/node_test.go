package redis_test

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weft/presence"
	"weft/presence/redis"
)

// node is a tracker, with the people of room "r" according to its diffs.
type node struct {
	*redis.Tracker
	t   testing.TB
	url string

	mu     sync.Mutex
	here   map[string]presence.Person // people according to the diffs
	leaves []string                   // user ids, in the order of the diffs
}

// fastOptions has short times, so that failures are overcome in seconds.
func fastOptions(s *server) redis.Options {
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
				t.Errorf("%s is in the joins and the leaves of one diff", p.ID)
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

// list returns the people by arrival, with their devices: "ana:2 ben:1".
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

// eventuallyLists waits until the list is want, as list returns it.
func (n *node) eventuallyLists(want string) {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("the list is %q", want), func() bool { return n.list() == want })
}

// eventuallyHas waits until the list and the diffs both have these people, by id with
// their devices.
func (n *node) eventuallyHas(want map[string]int) {
	n.t.Helper()
	eventually(n.t, fmt.Sprintf("list and diffs have %v", want), func() bool { return n.has(want) }, n.describe)
}

// keepsHaving checks for d that list and diffs of all nodes go on having these people.
func keepsHaving(t *testing.T, d time.Duration, want map[string]int, nodes ...*node) {
	t.Helper()
	var state []func() string
	for _, n := range nodes {
		state = append(state, n.describe)
	}
	staysTrue(t, d, fmt.Sprintf("list and diffs of all nodes have %v", want), func() bool {
		for _, n := range nodes {
			if !n.has(want) {
				return false
			}
		}
		return true
	}, state...)
}

func (n *node) has(want map[string]int) bool {
	people, err := n.People(context.Background(), "r")
	return err == nil && maps.Equal(devicesOf(people), want) && maps.Equal(n.devicesByDiffs(), want)
}

func (n *node) describe() string {
	return fmt.Sprintf("list %s, diffs %v, degraded %v\n%s", n.list(), n.devicesByDiffs(), n.Degraded(), dump(n.url))
}

// published returns the leaves of all diffs so far: "ana ben".
func (n *node) published() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.leaves, " ")
}

// neverLeft checks that no diff so far has the user in its leaves.
func (n *node) neverLeft(user string) {
	n.t.Helper()
	for _, id := range strings.Fields(n.published()) {
		if id == user {
			n.t.Errorf("a diff has the leave of %s", user)
		}
	}
}

func keysOf(t testing.TB, s *server) []string {
	t.Helper()
	keys, err := s.direct.Keys(context.Background(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	return keys
}
