package ws

import (
	"time"

	"weft/server/auth"
	"weft/server/room"
	"weft/server/store"
)

// login is the result of checking a token.
type login struct {
	identity auth.Identity
	// anonymous: without a token. An anonymous person is shown to others, and not
	// remembered as a member.
	anonymous bool
}

// countedUser is the user for whom connections are counted: empty for an anonymous one.
func (l login) countedUser() string {
	if l.anonymous {
		return ""
	}
	return l.identity.User
}

// credentials hold the identity of a connection, or of one document of a Hocuspocus
// connection, and follow the expiry of the token. They are guarded by conn.dialectMu.
//
//	valid ── exp − renewBefore ──► onRenewal: the client is asked for its next token
//	      ── exp ────────────────► onExpired: it may only read
//	      ── exp + auth.Leeway ──► onEnd: it must be closed
//
// While accepted, the connection is in Door.users, so that Door.Renew finds it.
type credentials struct {
	login
	expired  bool
	accepted bool
	timer    *time.Timer // of the next stage; nil for a token without expiry
}

// renewBefore is how long before the expiry of a token the client is asked for the next.
const renewBefore = 30 * time.Second

// expiry has the functions to be called at the stages of a token's expiry.
type expiry struct {
	onRenewal func() // nil: the dialect cannot ask
	onExpired func()
	onEnd     func()
}

// role returns the person's role in a room at the moment.
func (p *credentials) role(id store.RoomID) auth.Role {
	role := p.identity.Role(string(id))
	if p.expired {
		role = min(role, auth.Read)
	}
	return role
}

// peerInfo returns the identity and role that a room needs.
func (p *credentials) peerInfo(id store.RoomID) room.PeerInfo {
	return room.PeerInfo{Role: p.role(id), User: p.identity.User, Name: p.identity.Name, Anonymous: p.anonymous}
}

// accept replaces the credentials by those of a token that has been checked. The
// functions of e are called until accept or release is called again. Each call holds
// dialectMu.
//
// The caller must look up roles after accept. If rights change before accept, role returns
// the new ones. If they change later, Door.Renew finds the connection.
func (p *credentials) accept(c *conn, l login, e expiry) {
	p.release(c)
	p.login, p.accepted, p.expired = l, true, false
	c.door.users.add(l.identity.User, c)
	expires := l.identity.Expires
	if expires.IsZero() {
		return
	}
	type stage struct {
		at time.Time
		do func()
	}
	stages := []stage{{expires, func() { p.expired = true; e.onExpired() }}, {expires.Add(auth.Leeway), e.onEnd}}
	if e.onRenewal != nil {
		stages = append([]stage{{expires.Add(-renewBefore), e.onRenewal}}, stages...)
	}
	for len(stages) > 1 && !time.Now().Before(stages[0].at) {
		// The stage began before the token arrived. The caller of accept knows that, so the
		// stage's function is not called.
		p.expired = len(stages) == 2
		stages = stages[1:]
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(stages[0].at), func() {
		c.dialectMu.Lock()
		defer c.dialectMu.Unlock()
		if p.timer != timer {
			return
		}
		do := stages[0].do
		if stages = stages[1:]; len(stages) > 0 {
			timer.Reset(time.Until(stages[0].at))
		}
		do()
	})
	p.timer = timer
}

// release stops following the token and takes the connection out of Door.users. It may
// be called again.
func (p *credentials) release(c *conn) {
	if p.accepted {
		c.door.users.remove(p.identity.User, c)
		p.accepted = false
	}
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
