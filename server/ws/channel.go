package ws

import (
	"context"
	"fmt"

	"weft/presence"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/problem"
	"weft/server/store"
	"weft/server/wire"
)

// channel is a room that a native connection has joined.
type channel struct {
	connID  string    // of presence, unique
	role    auth.Role // that the client has been told
	peer    *peer
	release func() // gives the room back to the hub
}

// join handles the event that joins a room on a channel. Frames from the room are
// buffered until the event "joined" has been queued for the client.
func (n *native) join(e wire.Event) error {
	var ask event.Join
	if err := e.Into(&ask); err != nil {
		return err
	}
	if ask.Channel == 0 || ask.Channel > wire.MaxChannel || n.channels[ask.Channel] != nil {
		return fmt.Errorf("channel %d is in use or not from 1 to %d", ask.Channel, wire.MaxChannel)
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
		d.limits.onLimit("rooms")
		return refuse(problem.TooManyRooms.New(fmt.Sprintf("a connection may join at most %d rooms", d.limits.Rooms)))
	}
	who := c.credentials.peerInfo(id)
	if who.Role < auth.Read {
		return refuse(problem.Forbidden.New("you may not enter this room"))
	}
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	live, release, err := d.hub.Open(ctx, id)
	if err != nil {
		c.log().Warn("ws: open a room", "room", id, "err", err)
		return refuse(roomUnavailable(err))
	}
	connID := fmt.Sprintf("%s/%d", c.id, ask.Channel)
	ch := &channel{connID: connID, release: release, role: who.Role, peer: newNativePeer(c, connID, live, ask.Channel)}
	ch.peer.startBuffer()
	if err := live.Join(ch.peer, who); err != nil {
		release()
		return refuse(roomUnavailable(err))
	}
	n.channels[ask.Channel] = ch
	me := d.joinPresence(c, &c.credentials, ch.connID, id)
	answer := event.Joined{Room: id, Role: who.Role.String(), User: store.User{ID: who.User, Name: who.Name}, Slot: me.Slot}
	if err := d.describeRoom(ctx, &c.credentials, &answer); err != nil {
		n.leaveChannel(ask.Channel)
		c.log().Error("ws: join a room", "room", id, "err", err)
		return refuse(problem.RoomUnavailable.New("the room cannot be read now"))
	}
	n.send(ask.Channel, answer)
	ch.peer.flushBuffer()
	return nil
}

// describeRoom fills in who is in a room, and the state of its chat for the person.
func (d *Door) describeRoom(ctx context.Context, p *credentials, a *event.Joined) (err error) {
	if a.People, err = d.people.People(ctx, string(a.Room)); err != nil {
		return err
	}
	a.Count = len(a.People)
	a.People = a.People[:min(a.Count, event.MaxListed)]
	a.Typing = d.typing.Users(presence.Place{Room: string(a.Room)})
	a.TypingThreads = d.typing.Threads(string(a.Room))
	if a.LastRev, err = d.members.LastRev(ctx, a.Room); err != nil {
		return err
	}
	unread, err := d.members.Unread(ctx, a.Room, a.User.ID)
	a.LastSeq, a.Epoch = unread.LastSeq, d.chat.Epoch()
	if !p.anonymous {
		a.Read = &unread
	}
	return err
}

// leave handles the event that leaves a channel.
func (n *native) leave(e wire.Event) error {
	var ask event.Leave
	if err := e.Into(&ask); err != nil {
		return err
	}
	if n.channels[ask.Channel] != nil {
		n.leaveChannel(ask.Channel)
	}
	n.send(0, event.Left(ask))
	return nil
}

func (n *native) leaveChannel(number uint64) {
	ch := n.channels[number]
	delete(n.channels, number)
	ch.peer.mute()
	n.conn.door.leavePresence(n.conn, ch.connID, ch.peer.room.ID()) // first, as the room may be stuck
	ch.peer.leave()
	ch.release()
}

// roomUnavailable says why a room could not be opened. Everything but damage is temporary.
func roomUnavailable(err error) *problem.Problem {
	if p, _ := problem.Of(err); p.Kind == problem.RoomQuarantined {
		return p
	}
	return problem.RoomUnavailable.New("the room cannot be opened now")
}
