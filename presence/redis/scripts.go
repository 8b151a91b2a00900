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

// errReply is wrapped by errors about replies of Redis that the scripts cannot
// return: another program writes to the same keys.
var errReply = errors.New("presence/redis: unexpected reply: is another program using the prefix?")

// entry is the value of a connection in a room's hash: "NODE gen state user".
type entry struct {
	node  string
	gen   string // generation, a number of the room's counter
	state byte
	user  string // may contain spaces
}

// parseEntry parses an entry; ok is false for anything else.
func parseEntry(v string) (e entry, ok bool) {
	f := strings.SplitN(v, " ", 4)
	if len(f) != 4 || len(f[2]) != 1 {
		return entry{}, false
	}
	return entry{node: f[0], gen: f[1], state: f[2][0], user: f[3]}, true
}

// devices is the value of a node in a person's hash, "devices best-state": how many
// live connections the person has on the node, and the status of the most active
// one. During the grace period the status is the last one.
type devices struct {
	n      int
	status presence.Status
}

func (d devices) String() string {
	return strconv.Itoa(d.n) + " " + string(stateOf(d.status))
}

// parseDevices parses a value of a person's hash. Anything else has no devices.
func parseDevices(v string) (d devices) {
	n, state, _ := strings.Cut(v, " ")
	d.n, _ = strconv.Atoi(n)
	if state != "" {
		d.status = bestStatus(map[byte]int{state[0]: 1})
	}
	return d
}

// card is the value of a person in a room's hash, without the count of entries:
// "slot since order count card".
type card struct {
	slot   int
	since  time.Time // arrival in the room, UTC, whole milliseconds
	order  int64     // of the room's counter: orders arrivals in one millisecond
	name   string
	avatar string
}

// parseCard parses a card; ok is false for anything else.
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

// cardText returns the part of a card that a connection sets: the length of the name in
// bytes, ":", name, avatar.
func cardText(name, avatar string) string { return strconv.Itoa(len(name)) + ":" + name + avatar }
