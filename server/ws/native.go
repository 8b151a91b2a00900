package ws

import (
	"errors"
	"fmt"
	"time"

	"weft/presence"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/problem"
	"weft/server/store"
	"weft/server/wire"
)

// native is the dialect weft.1 (server/PROTOCOL.md): an event hello, then many rooms, each
// on a channel of the client's choice. Channel 0 is the connection's own. The state is
// guarded by conn.dialectMu.
//
//	connected ── hello ──► authenticated ── join ──► channels
//	    └── helloWait ──► closed
type native struct {
	conn          *conn
	token         string // of the request
	authenticated bool
	inUserIndex   bool        // the connection is in Door.nativeUsers
	hello         *time.Timer // closes a connection that sends no hello
	channels      map[uint64]*channel
	watched       map[string]bool      // ids of people
	watching      presence.StatusWatch // nil before the first watch
}

func (n *native) opened() {
	c := n.conn
	n.hello = time.AfterFunc(helloWait, func() {
		c.door.limits.onLimit("hello-wait")
		c.close(wire.CloseSlow, "no hello was sent in time")
	})
}

func (n *native) closed() {
	n.hello.Stop()
	if n.inUserIndex {
		n.conn.door.nativeUsers.remove(n.conn.credentials.identity.User, n.conn)
	}
	if n.watching != nil {
		n.watching.Stop()
	}
	for number := range n.channels {
		n.leaveChannel(number)
	}
}

func (n *native) slowCode() wire.CloseCode { return wire.CloseSlow }

// keepAlive does nothing: native clients ping.
func (n *native) keepAlive() {}

func (n *native) received(frame []byte) {
	c := n.conn
	if limit := c.door.limits.PreAuth; !n.authenticated && len(frame) > limit {
		c.door.limits.onLimit("hello")
		c.close(wire.CloseTooLarge, fmt.Sprintf("hello of %d bytes: the limit is %d", len(frame), limit))
		return
	}
	number, b, err := wire.DecodeFrame(frame)
	if err != nil {
		c.close(wire.CloseBadFrame, err.Error())
		return
	}
	if !c.enforceLimits(b, len(frame)) {
		return
	}
	if number == 0 {
		c.limiters.waitRequest()
		n.receivedControl(b)
		return
	}
	ch := n.channels[number]
	if ch == nil {
		return // left or refused, while the message was on its way
	}
	switch b.Type {
	case wire.TypeSync, wire.TypeAwareness, wire.TypeQueryAwareness:
		ch.peer.touchIfEdit(b)
		ch.peer.room.Receive(ch.peer, b)
	case wire.TypeEvent:
		n.receivedEvent(ch, b.Payload)
	}
}

func (n *native) tryInline(frame []byte, now time.Time) bool {
	number, b, err := wire.DecodeFrame(frame)
	if err != nil || n.channels[number] == nil {
		return false
	}
	return n.conn.tryRunInline(n.channels[number].peer, b, len(frame), now)
}

// receivedControl handles a body on channel 0.
func (n *native) receivedControl(b wire.Body) {
	if b.Type != wire.TypeEvent {
		n.conn.close(wire.CloseBadFrame, "channel 0 carries events only")
		return
	}
	e, err := wire.DecodeEvent(b.Payload)
	if err != nil {
		n.conn.close(wire.CloseBadFrame, err.Error())
		return
	}
	switch {
	case e.Name == "hello":
		err = n.authenticate(e)
	case !n.authenticated:
		err = errors.New("the first event must be hello")
	case e.Name == "join":
		err = n.join(e)
	case e.Name == "leave":
		err = n.leave(e)
	case e.Name == "active":
		err = n.active(e)
	case e.Name == "watch":
		err = n.watch(e)
	case e.Name == "unwatch":
		err = n.unwatch(e)
	case e.Name == "ping":
		n.send(0, event.Pong{})
	}
	if err != nil {
		n.conn.close(wire.CloseBadFrame, err.Error())
	}
}

// send queues an event on a channel.
func (n *native) send(channel uint64, e event.Event) {
	n.conn.send(wire.AppendFrame(nil, channel, event.New(e).Native()))
}

// authenticate handles the event hello. A later hello renews the token of the same user,
// and with it their roles in the rooms of the connection.
func (n *native) authenticate(e wire.Event) error {
	var hello event.Hello
	if err := e.Into(&hello); err != nil {
		return err
	}
	c := n.conn
	if hello.Token == "" {
		hello.Token = n.token
	}
	id, err := c.door.auth.Identify(hello.Token)
	if err == nil && n.authenticated && id.User != c.credentials.identity.User {
		err = errors.New("this connection belongs to another user: open a new one")
	}
	if errors.Is(err, auth.ErrKeys) {
		c.close(wire.CloseOverload, err.Error())
		return nil
	}
	if err != nil {
		c.close(wire.CloseAuth, err.Error())
		return nil
	}
	l := login{id, hello.Token == ""}
	if err := c.markAuthenticated(l.countedUser()); err != nil {
		c.close(wire.CloseRate, err.Error())
		return nil
	}
	n.hello.Stop()
	renewed := n.authenticated
	n.authenticated = true
	c.credentials.accept(c, l, expiry{onExpired: func() { n.recheck(id.User) }, onEnd: c.closeExpired})
	if !l.anonymous && !n.inUserIndex {
		n.inUserIndex = true
		c.door.nativeUsers.add(id.User, c)
	}
	n.send(0, event.Welcome{User: store.User{ID: id.User, Name: id.Name}, Heartbeat: heartbeat.Milliseconds(), Limits: c.door.limits.forClients()})
	if renewed {
		n.recheck(id.User)
	}
	return nil
}

func (n *native) recheck(user string) {
	c := n.conn
	if !n.authenticated || c.credentials.identity.User != user {
		return
	}
	for number, ch := range n.channels {
		id := ch.peer.room.ID()
		who := c.credentials.peerInfo(id)
		if who.Role < auth.Read {
			n.leaveChannel(number)
			n.refuse(number, problem.Forbidden.New("you may not stay in this room"))
			continue
		}
		ch.peer.room.Grant(ch.peer, who)
		if who.Role != ch.role {
			ch.role = who.Role
			n.send(number, event.Role{Role: who.Role.String()})
		}
		c.door.updatePresence(c, &c.credentials, ch.connID, id)
	}
}

// refuse tells the client that a channel cannot be opened, or has been closed.
func (n *native) refuse(channel uint64, p *problem.Problem) {
	n.send(0, event.Refused{Channel: channel, Code: int(p.Close), Problem: p.Code, Reason: p.Reason()})
}
