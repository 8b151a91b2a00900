package redis

import (
	_ "embed"
	"errors"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
)

var (
	//go:embed lua/put.lua
	putSource string
	//go:embed lua/drop.lua
	dropSource string
	//go:embed lua/user.lua
	userSource string
	//go:embed lua/lease.lua
	leaseSource string

	putScript   = goredis.NewScript(putSource)
	dropScript  = goredis.NewScript(dropSource)
	userScript  = goredis.NewScript(userSource)
	leaseScript = goredis.NewScript(leaseSource)
)

var errReply = errors.New("presence/redis: unexpected reply")

// entry is one connection as Redis has it.
type entry struct {
	node  string
	gen   string
	state byte
	user  string
}

func parseEntry(v string) (entry, bool) {
	f := strings.SplitN(v, " ", 4)
	if len(f) != 4 || len(f[2]) != 1 {
		return entry{}, false
	}
	return entry{node: f[0], gen: f[1], state: f[2][0], user: f[3]}, true
}

// devices is what a node tells of one of its people: how many connections are
// here, and the best status of them, or what it was.
type devices struct {
	n      int
	status presence.Status
}

func (d devices) String() string {
	return strconv.Itoa(d.n) + " " + string(stateOf(d.status))
}

func parseDevices(v string) (d devices) {
	n, state, _ := strings.Cut(v, " ")
	d.n, _ = strconv.Atoi(n)
	if state != "" {
		d.status = best(map[byte]int{state[0]: 1})
	}
	return d
}

// card is what a room knows of a person besides their connections.
type card struct {
	slot   int
	since  time.Time
	order  int64
	name   string
	avatar string
}

func parseCard(v string) (c card, ok bool) {
	f := strings.SplitN(v, " ", 5)
	if len(f) != 5 {
		return card{}, false
	}
	slot, err1 := strconv.Atoi(f[0])
	since, err2 := strconv.ParseInt(f[1], 10, 64)
	order, err3 := strconv.ParseInt(f[2], 10, 64)
	length, rest, found := strings.Cut(f[4], ":")
	n, err4 := strconv.Atoi(length)
	if errors.Join(err1, err2, err3, err4) != nil || !found || n < 0 || n > len(rest) {
		return card{}, false
	}
	return card{slot: slot, since: time.UnixMilli(since).UTC(), order: order, name: rest[:n], avatar: rest[n:]}, true
}

// face is the part of a card that a connection brings.
func face(name, avatar string) string { return strconv.Itoa(len(name)) + ":" + name + avatar }
