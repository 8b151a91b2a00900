package ws

import (
	"context"
	"time"

	"weft/server/auth"
	"weft/server/store"
)

// Members remembers who has been in a room, and what they have not read there. It is the
// part of store.Store that the door needs.
type Members interface {
	// TouchMember remembers a user as a member of the room and returns the name under
	// which the room knew them before, empty if it did not.
	TouchMember(ctx context.Context, room store.RoomID, u store.User, at time.Time) (before string, err error)
	// LastRev returns the revision of the room's last change in the chat.
	LastRev(ctx context.Context, room store.RoomID) (store.Rev, error)
	// Unread returns what a user has not read in the room's chat.
	Unread(ctx context.Context, room store.RoomID, user string) (store.Unread, error)
}

// memberWait is how long joining a room waits for the disk to remember the member. It
// waits at all so that the next message can mention the person.
const memberWait = 500 * time.Millisecond

// maxRecentMembers is the size of Door.recentMembers: the memberships that were stored
// last and need not be stored again. 10,000 take about 2 MB.
const maxRecentMembers = 10_000

// membership is a person in a room, under a name.
type membership struct {
	room store.RoomID
	user store.User
}

// rememberMember stores the person as a member of the room, unless that was done lately.
// If the disk does not answer, the person joins all the same.
func (d *Door) rememberMember(c *conn, p *credentials, id store.RoomID) {
	m := membership{room: id, user: store.User{ID: p.identity.User, Name: p.identity.Name}}
	if _, ok := d.recentMembers.Get(m); ok {
		return
	}
	announced := p.role(id) >= auth.Comment // the room is not told of readers
	done := make(chan struct{})
	d.served.Go(func() { // ends after loadWait, or with the commit that it is part of
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), loadWait)
		defer cancel()
		before, err := d.members.TouchMember(ctx, id, m.user, time.Now())
		if err != nil {
			c.log().Error("members: store", "room", id, "user", m.user.ID, "err", err)
			return
		}
		d.recentMembers.Add(m, struct{}{})
		if !announced || before == m.user.Name {
			return
		}
		if err := d.chat.AddSystemMessage(ctx, id, m.user, before); err != nil {
			c.log().Error("members: add a system message", "room", id, "user", m.user.ID, "err", err)
		}
	})
	timer := time.NewTimer(memberWait)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
