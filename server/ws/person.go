package ws

import (
	"time"

	"weft/server/auth"
	"weft/server/room"
	"weft/server/store"
)

// person is who is at the other end of a connection, or of one document on a
// Hocuspocus connection. It is guarded by conn.work.
//
//	exp − soon      the client is asked for its next token, if its dialect can ask
//	exp             lapsed: it may only read
//	exp + Leeway    ended
type person struct {
	identity auth.Identity
	// anonymous people came without a token; they are seen, not remembered.
	anonymous bool
	lapsed    bool
	timer     *time.Timer
}

// soon is how long before a token's end its person is asked for the next.
const soon = 30 * time.Second

// role is what the person may do in a room now.
func (p *person) role(id store.RoomID) auth.Role {
	role := p.identity.Role(string(id))
	if p.lapsed {
		role = min(role, auth.Read)
	}
	return role
}

// who is the person as a room sees them.
func (p *person) who(id store.RoomID) room.PeerInfo {
	return room.PeerInfo{Role: p.role(id), User: p.identity.User, Name: p.identity.Name, Anonymous: p.anonymous}
}

// aging is what happens to a person as their token does.
type aging struct {
	asked  func() // the next token is wanted; may be nil
	lapsed func()
	ended  func()
}

// follow gives the person a new identity, and calls what happens at the ends of
// its token, holding c.work. Only what the latest call set will be called, and
// nothing after stop.
func (p *person) follow(c *conn, id auth.Identity, a aging) {
	p.stop()
	p.identity, p.lapsed = id, false
	if id.Expires.IsZero() {
		return
	}
	type stage struct {
		at time.Time
		do func()
	}
	stages := []stage{{id.Expires, func() { p.lapsed = true; a.lapsed() }}, {id.Expires.Add(auth.Leeway), a.ended}}
	if a.asked != nil {
		stages = append([]stage{{id.Expires.Add(-soon), a.asked}}, stages...)
	}
	for len(stages) > 1 && !time.Now().Before(stages[0].at) {
		// In the midst of it already: known from the start, nothing to tell.
		p.lapsed = len(stages) == 2
		stages = stages[1:]
	}
	var timer *time.Timer
	timer = time.AfterFunc(time.Until(stages[0].at), func() {
		c.work.Lock()
		defer c.work.Unlock()
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

// stop ends the watch over the token.
func (p *person) stop() {
	if p.timer != nil {
		p.timer.Stop()
		p.timer = nil
	}
}
