package ws

import (
	"slices"
	"sync"
	"time"

	"weft/server/event"
	"weft/server/wire"
)

// userIndex finds the connections of a user. Safe for concurrent use.
type userIndex struct {
	mu sync.Mutex
	// conns has a connection once for each add. A slice takes less memory than a map
	// would, and few users have more than a handful of connections.
	conns map[string][]*conn
}

// add puts a connection under a user. Each add needs a remove.
func (x *userIndex) add(user string, c *conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.conns == nil {
		x.conns = map[string][]*conn{}
	}
	x.conns[user] = append(x.conns[user], c)
}

func (x *userIndex) remove(user string, c *conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	conns := x.conns[user]
	i := slices.Index(conns, c)
	if i < 0 {
		return
	}
	if len(conns) == 1 {
		delete(x.conns, user)
		return
	}
	last := len(conns) - 1
	conns[i], conns[last] = conns[last], nil
	x.conns[user] = conns[:last]
}

// connsOf returns the connections of a user, each once.
func (x *userIndex) connsOf(user string) (conns []*conn) {
	x.mu.Lock()
	defer x.mu.Unlock()
	seen := make(map[*conn]bool, len(x.conns[user]))
	for _, c := range x.conns[user] {
		if !seen[c] {
			seen[c] = true
			conns = append(conns, c)
		}
	}
	return conns
}

// Renew applies the present rights of a user to all their connections and Hocuspocus
// documents, and touches no other. It does not block: a connection may be waiting for a
// room that is stuck. Such a connection is closed after renewWait, and its client must
// reconnect and be authorised again.
func (d *Door) Renew(user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return
	}
	for _, c := range d.users.connsOf(user) {
		d.served.Go(func() { c.renew(user) }) // ends when the dialect's work does
	}
}

// renew rechecks what is open against the present rights of the user.
func (c *conn) renew(user string) {
	stuck := time.AfterFunc(renewWait, func() {
		c.log().Warn("closing a connection: its room is stuck, and its user's rights have changed", "user", user)
		c.abort()
	})
	c.dialectMu.Lock()
	stuck.Stop()
	defer c.dialectMu.Unlock()
	if !c.ended {
		c.dialect.recheck(user)
	}
}

// SendToUser sends an event to all native connections of a person with a token, on
// channel 0. It does not block.
func (d *Door) SendToUser(user string, e *event.Encoded) {
	conns := d.nativeUsers.connsOf(user)
	if len(conns) == 0 {
		return
	}
	frame := wire.AppendFrame(nil, 0, e.Native())
	for _, c := range conns {
		c.send(frame)
	}
}
