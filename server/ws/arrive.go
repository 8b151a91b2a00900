package ws

import (
	"container/list"
	"context"
	"sync"
	"time"

	"weft/presence"
	"weft/server/auth"
	"weft/server/store"
)

// arrive makes the connection's person present in a room, and lets the room
// remember them so that they can be mentioned later. It returns how others see
// the person. Readers are remembered and not present: that takes the role to
// comment.
func (d *Door) arrive(c *conn, who *person, name string, id store.RoomID) presence.Person {
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	if !who.anonymous {
		d.remember(c, who, id)
	}
	if who.role(id) < auth.Comment {
		return presence.Person{}
	}
	if !c.stays.add(name, id) {
		return presence.Person{}
	}
	seen, err := d.People.Join(ctx, presence.Member{
		Room: string(id), Conn: name, User: who.identity.User, Name: who.identity.Name, Avatar: who.identity.Avatar,
	})
	if err != nil {
		c.log().Error("presence: join", "room", id, "user", who.identity.User, "err", err)
	}
	if c.stays.ended() { // meanwhile
		d.depart(c, name, id)
	}
	return seen
}

// depart takes the connection out of a room.
func (d *Door) depart(c *conn, name string, id store.RoomID) {
	c.stays.remove(name)
	d.Typing.Clear(string(id), name)
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	if err := d.People.Leave(ctx, string(id), name); err != nil {
		c.log().Error("presence: leave", "room", id, "conn", name, "err", err)
	}
}

// touchWait is how long an arrival waits for the disk. It does so at all that
// the person can be mentioned by the very next message.
const touchWait = 500 * time.Millisecond

// remember writes the person into the room's list of members, unless that was
// done lately. A disk that does not answer does not keep them out.
func (d *Door) remember(c *conn, who *person, id store.RoomID) {
	v := visit{room: id, user: store.User{ID: who.identity.User, Name: who.identity.Name}}
	if d.known.has(v) {
		return
	}
	seen := who.role(id) >= auth.Comment // nobody hears of readers
	done := make(chan struct{})
	d.served.Go(func() { // ends with ctx, or with the commit that it is part of
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), loadWait)
		defer cancel()
		before, err := d.Members.TouchMember(ctx, id, v.user, time.Now())
		if err != nil {
			c.log().Error("remembering a member", "room", id, "user", v.user.ID, "err", err)
			return
		}
		d.known.add(v)
		if !seen || before == v.user.Name {
			return
		}
		if err := d.Chat.AddSystemMessage(ctx, id, v.user, before); err != nil {
			c.log().Error("a line about a member", "room", id, "user", v.user.ID, "err", err)
		}
	})
	timer := time.NewTimer(touchWait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// visit is a person in a room, under a name.
type visit struct {
	room store.RoomID
	user store.User
}

// recent holds the latest visits, at most max of them. Safe for concurrent use.
type recent struct {
	max int

	mu    sync.Mutex
	order *list.List // of visit, latest first
	at    map[visit]*list.Element
}

func newRecent(max int) *recent {
	return &recent{max: max, order: list.New(), at: map[visit]*list.Element{}}
}

func (r *recent) has(v visit) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.at[v]
	if ok {
		r.order.MoveToFront(e)
	}
	return ok
}

func (r *recent) add(v visit) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.at[v]; ok {
		r.order.MoveToFront(e)
		return
	}
	r.at[v] = r.order.PushFront(v)
	for r.order.Len() > r.max {
		last := r.order.Back()
		delete(r.at, last.Value.(visit))
		r.order.Remove(last)
	}
}
