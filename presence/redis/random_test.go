package redis_test

import (
	"context"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"weft/presence"
	"weft/presence/redis"
)

// Law: whatever connections join, leave and move and whatever nodes crash among three,
// once it is quiet the list and the diffs of every node have exactly the connections
// that are open, and Redis has nothing else.
func TestNodesAtRandom(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	seed := rand.Uint64()
	if v := os.Getenv("PRESENCETEST_SEED"); v != "" {
		seed, _ = strconv.ParseUint(v, 10, 64)
	}
	t.Logf("replay with PRESENCETEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	o := fastOptions(s)
	nodes := []*node{startNode(t, o), startNode(t, o), startNode(t, o)}
	type tab struct {
		at   *node
		user string
	}
	tabs := map[string]tab{}
	for range 3 {
		for range 40 {
			conn, n := strconv.Itoa(random.IntN(12)), nodes[random.IntN(len(nodes))]
			switch old := tabs[conn]; random.IntN(6) {
			case 0, 1, 2: // joins or moves, perhaps as another person
				user := "u" + strconv.Itoa(random.IntN(6))
				n.join(conn, user)
				if old.at != nil && old.at != n { // the old connection closes late
					old.at.leave(conn)
				}
				tabs[conn] = tab{n, user}
			case 3, 4:
				if old.at != nil {
					old.at.leave(conn)
					delete(tabs, conn)
				}
			case 5:
				letTimePass(time.Duration(random.IntN(50)) * time.Millisecond)
			}
		}
		i := random.IntN(len(nodes))
		crashed := nodes[i]
		crashed.Crash()
		for conn, at := range tabs {
			if at.at == crashed {
				delete(tabs, conn)
			}
		}
		nodes[i] = startNode(t, o)

		want := map[string]int{}
		for _, at := range tabs {
			want[at.user]++
		}
		for _, n := range nodes {
			n.eventuallyHas(want)
		}
	}
	for conn, at := range tabs {
		at.at.leave(conn)
	}
	for _, n := range nodes {
		n.eventuallyHas(map[string]int{})
	}
	eventually(t, "Redis has no key of the empty room", func() bool { return s.direct.Exists(context.Background(), roomKey).Val() == 0 })
}

// roomKey is the key of room r.
var roomKey = redis.RoomKey("r")

// devicesOf returns the people's devices by id.
func devicesOf(people []presence.Person) map[string]int {
	devices := map[string]int{}
	for _, p := range people {
		devices[p.ID] = p.Devices
	}
	return devices
}

// devicesByDiffs returns the devices of the people that the diffs add up to, by id.
func (n *node) devicesByDiffs() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	devices := map[string]int{}
	for id, p := range n.here {
		devices[id] = p.Devices
	}
	return devices
}
