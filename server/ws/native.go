package ws

import (
	"context"
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

// native is the dialect weft.1: a hello, then many rooms, each on a channel of
// the client's choice. See server/PROTOCOL.md. What it holds is
// guarded by conn.work.
type native struct {
	conn     *conn
	token    string // from the request
	greeted  bool
	hello    *time.Timer // ends a connection that does not say hello
	channels map[uint64]*channel
	watched  map[string]bool      // ids of people
	watching presence.StatusWatch // nil before the first watch
}

// channel is a room that the connection has joined.
type channel struct {
	name    string // of this connection in this room
	role    auth.Role
	peer    *peer
	release func()
}

func (n *native) opened() {
	c := n.conn
	n.hello = time.AfterFunc(helloWait, func() {
		c.door.Hit("hello-wait")
		c.close(wire.CloseSlow, "no hello came")
	})
}

func (n *native) closed() {
	n.hello.Stop()
	if n.watching != nil {
		n.watching.Stop()
	}
	for id := range n.channels {
		n.leave(id)
	}
}

func (n *native) slowCode() wire.CloseCode { return wire.CloseSlow }

func (n *native) received(frame []byte) {
	c := n.conn
	if limit := c.door.limits.PreAuth; !n.greeted && len(frame) > limit {
		c.door.Hit("hello")
		c.close(wire.CloseTooLarge, fmt.Sprintf("a hello of %d bytes, the limit is %d", len(frame), limit))
		return
	}
	id, b, err := wire.DecodeFrame(frame)
	if err != nil {
		c.close(wire.CloseBadFrame, err.Error())
		return
	}
	if !c.admit(b, len(frame)) {
		return
	}
	if id == 0 {
		c.limit.ask()
		n.control(b)
		return
	}
	ch := n.channels[id]
	if ch == nil {
		return // left, or refused, a moment ago
	}
	switch b.Type {
	case wire.TypeSync, wire.TypeAwareness, wire.TypeQueryAwareness:
		ch.peer.edits(b)
		ch.peer.room.Receive(ch.peer, b)
	case wire.TypeEvent:
		n.event(ch, b.Payload)
	}
}

func (n *native) tryInline(frame []byte, now time.Time) bool {
	id, b, err := wire.DecodeFrame(frame)
	if err != nil || n.channels[id] == nil {
		return false
	}
	return n.conn.tryRunInline(n.channels[id].peer, b, len(frame), now)
}

// control handles channel 0.
func (n *native) control(b wire.Body) {
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
		err = n.greet(e)
	case !n.greeted:
		err = errors.New("the first event is hello")
	case e.Name == "join":
		err = n.join(e)
	case e.Name == "leave":
		err = n.part(e)
	case e.Name == "active":
		err = n.active(e)
	case e.Name == "watch":
		err = n.watch(e)
	case e.Name == "unwatch":
		err = n.unwatch(e)
	case e.Name == "ping":
		n.say(0, event.Pong{})
	}
	if err != nil {
		n.conn.close(wire.CloseBadFrame, err.Error())
	}
}

// say queues an event.
func (n *native) say(channel uint64, e event.Event) {
	n.conn.send(wire.AppendFrame(nil, channel, event.New(e).Native()))
}

// greet identifies the person. A later hello renews the token of the same
// person, and with it what they may do in the rooms they are in.
func (n *native) greet(e wire.Event) error {
	var hello event.Hello
	if err := e.Into(&hello); err != nil {
		return err
	}
	if hello.Token == "" {
		hello.Token = n.token
	}
	id, err := n.conn.door.Auth.Identify(hello.Token)
	if err == nil && n.greeted && id.User != n.conn.person.identity.User {
		err = errors.New("this connection belongs to somebody else: open another")
	}
	if errors.Is(err, auth.ErrKeys) {
		n.conn.close(wire.CloseOverload, err.Error())
		return nil
	}
	if err != nil {
		n.conn.close(wire.CloseAuth, err.Error())
		return nil
	}
	counted := id.User
	if hello.Token == "" {
		counted = ""
	}
	if err := n.conn.known(counted); err != nil {
		n.conn.close(wire.CloseRate, err.Error())
		return nil
	}
	n.hello.Stop()
	n.conn.door.belongs(n.conn, counted)
	renewed := n.greeted
	n.greeted = true
	n.conn.person.anonymous = hello.Token == ""
	n.conn.person.follow(n.conn, id, aging{lapsed: func() { n.renew(id.User) }, ended: n.conn.ranOut})
	n.say(0, event.Welcome{User: event.User{ID: id.User, Name: id.Name}, Heartbeat: heartbeat.Milliseconds()})
	if renewed {
		n.renew(id.User)
	}
	return nil
}

// beat: WebSocket pings are enough for native clients.
func (n *native) beat() {}

func (n *native) renew(user string) {
	c := n.conn
	if !n.greeted || c.person.identity.User != user {
		return
	}
	for number, ch := range n.channels {
		id := ch.peer.room.ID()
		who := c.person.who(id)
		if who.Role < auth.Read {
			n.leave(number)
			n.refuse(number, problem.Forbidden.New("you may not stay in this room"))
			continue
		}
		ch.peer.room.Grant(ch.peer, who)
		if who.Role != ch.role {
			ch.role = who.Role
			n.say(number, event.Role{Role: who.Role.String()})
		}
		if who.Role < auth.Comment {
			c.door.depart(c, ch.name, id)
		} else {
			c.door.arrive(c, &c.person, ch.name, id)
		}
	}
}

func (n *native) refuse(channel uint64, p *problem.Problem) {
	n.say(0, event.Refused{Channel: channel, Code: int(p.Close), Problem: p.Code, Reason: p.Reason()})
}

// join opens a room on a channel. What the room says is held back until the
// client has been told that it is in.
func (n *native) join(e wire.Event) error {
	var ask event.Join
	if err := e.Into(&ask); err != nil {
		return err
	}
	if ask.Channel == 0 || ask.Channel > wire.MaxChannel || n.channels[ask.Channel] != nil {
		return fmt.Errorf("channel %d is taken or not from 1 to %d", ask.Channel, wire.MaxChannel)
	}
	refuse := func(p *problem.Problem) error {
		n.refuse(ask.Channel, p)
		return nil
	}
	c, d := n.conn, n.conn.door
	id, err := store.ParseRoomID(ask.Room)
	if err != nil {
		return refuse(problem.BadRoomID.New(err.Error()))
	}
	if len(n.channels) >= d.limits.Rooms {
		d.Hit("rooms")
		return refuse(problem.TooManyRooms.New(fmt.Sprintf("a connection has at most %d rooms", d.limits.Rooms)))
	}
	who := c.person.who(id)
	if who.Role < auth.Read {
		return refuse(problem.Forbidden.New("you may not enter this room"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	live, release, err := d.Hub.Open(ctx, id)
	if err != nil {
		c.log().Warn("a room could not be opened", "room", id, "err", err)
		return refuse(unavailable(err))
	}
	name := fmt.Sprintf("%s/%d", c.name, ask.Channel)
	ch := &channel{name: name, release: release, role: who.Role, peer: nativePeer(c, name, live, ask.Channel)}
	ch.peer.hold()
	if err := live.Join(ch.peer, who); err != nil {
		release()
		return refuse(unavailable(err))
	}
	n.channels[ask.Channel] = ch
	me := d.arrive(c, &c.person, ch.name, id)
	answer := event.Joined{Room: id, Role: who.Role.String(), User: event.User{ID: who.User, Name: who.Name}, Slot: me.Slot}
	if err := d.inside(ctx, &c.person, &answer); err != nil {
		n.leave(ask.Channel)
		c.log().Error("joining a room", "room", id, "err", err)
		return refuse(problem.RoomUnavailable.New("the room cannot be read now"))
	}
	n.say(ask.Channel, answer)
	ch.peer.release()
	return nil
}

// inside says who is in a room, and where its chat stands for the person.
func (d *Door) inside(ctx context.Context, who *person, a *event.Joined) (err error) {
	if a.People, err = d.People.People(ctx, string(a.Room)); err != nil {
		return err
	}
	a.Count = len(a.People)
	a.People = a.People[:min(a.Count, event.MaxListed)]
	a.Typing = d.Typing.Users(presence.Place{Room: string(a.Room)})
	a.TypingThreads = d.Typing.Threads(string(a.Room))
	if a.LastRev, err = d.Members.LastRev(ctx, a.Room); err != nil {
		return err
	}
	unread, err := d.Members.Unread(ctx, a.Room, a.User.ID)
	a.LastSeq, a.Epoch = unread.LastSeq, d.Chat.Epoch()
	if !who.anonymous {
		a.Read = &unread
	}
	return err
}

// part answers a leave.
func (n *native) part(e wire.Event) error {
	var ask event.Leave
	if err := e.Into(&ask); err != nil {
		return err
	}
	if n.channels[ask.Channel] != nil {
		n.leave(ask.Channel)
	}
	n.say(0, event.Left(ask))
	return nil
}

func (n *native) leave(id uint64) {
	ch := n.channels[id]
	delete(n.channels, id)
	ch.peer.mute()
	n.conn.door.depart(n.conn, ch.name, ch.peer.room.ID()) // first: the room may stand still
	ch.peer.leave()
	ch.release()
}

// unavailable says why a room could not be opened. Everything but damage is
// temporary.
func unavailable(err error) *problem.Problem {
	if p, _ := problem.Of(err); p.Kind == problem.RoomQuarantined {
		return p
	}
	return problem.RoomUnavailable.New("the room cannot be opened now")
}
