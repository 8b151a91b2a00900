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

// Law: whatever joins, leaves, moves and crashes over three nodes, after quiet
// every node lists and has told the truth, and Redis keeps nothing else.
func TestNodesAtRandom(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	seed := rand.Uint64()
	if v := os.Getenv("PRESENCETEST_SEED"); v != "" {
		seed, _ = strconv.ParseUint(v, 10, 64)
	}
	t.Logf("replay with PRESENCETEST_SEED=%d", seed)
	random := rand.New(rand.NewPCG(seed, 2))
	o := quick(s)
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
			case 0, 1, 2: // joins, or moves, maybe as somebody else
				user := "u" + strconv.Itoa(random.IntN(6))
				n.join(conn, user)
				if old.at != nil && old.at != n { // the old socket ends late
					old.at.leave(conn)
				}
				tabs[conn] = tab{n, user}
			case 3, 4:
				if old.at != nil {
					old.at.leave(conn)
					delete(tabs, conn)
				}
			case 5:
				wait(time.Duration(random.IntN(50)) * time.Millisecond)
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
			n.agrees(want)
		}
	}
	for conn, at := range tabs {
		at.at.leave(conn)
	}
	for _, n := range nodes {
		n.agrees(map[string]int{})
	}
	eventually(t, "Redis keeps nothing of an empty room", func() bool { return s.direct.Exists(context.Background(), roomKey).Val() == 0 })
}

// roomKey is where room r is kept.
var roomKey = redis.RoomKey("r")

func count(people []presence.Person) map[string]int {
	devices := map[string]int{}
	for _, p := range people {
		devices[p.ID] = p.Devices
	}
	return devices
}

// shown is what the diffs add up to.
func (n *node) shown() map[string]int {
	n.mu.Lock()
	defer n.mu.Unlock()
	devices := map[string]int{}
	for id, p := range n.here {
		devices[id] = p.Devices
	}
	return devices
}
