package ws

import (
	"context"
	"slices"
	"sync"

	"weft/presence"
	"weft/server/auth"
	"weft/server/store"
)

// presences are the rooms in which a connection's person is present by it. Unlike the
// dialect's state they are not guarded by conn.dialectMu, which may be held for as long
// as the disk does not answer. Safe for concurrent use.
type presences struct {
	mu     sync.Mutex
	list   []presenceEntry
	closed bool
}

// presenceEntry is what presence knows of a connection in one room.
type presenceEntry struct {
	connID string // see presence.Member.Conn
	room   store.RoomID
}

// add returns false if the connection has been closed.
func (s *presences) add(e presenceEntry) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed && !slices.Contains(s.list, e) {
		s.list = append(s.list, e)
	}
	return !s.closed
}

func (s *presences) remove(connID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.list = slices.DeleteFunc(s.list, func(e presenceEntry) bool { return e.connID == connID })
}

// close returns the entries and refuses further ones.
func (s *presences) close() (entries []presenceEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, s.list, s.closed = s.list, nil, true
	return entries
}

func (s *presences) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// joinPresence makes a person present in a room under connID, and remembers them as a
// member of the room. It returns the person as others see them. A reader is remembered
// and not present: that takes the role to comment.
func (d *Door) joinPresence(c *conn, p *credentials, connID string, id store.RoomID) presence.Person {
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	if !p.anonymous {
		d.rememberMember(c, p, id)
	}
	if p.role(id) < auth.Comment {
		return presence.Person{}
	}
	if !c.presences.add(presenceEntry{connID, id}) {
		return presence.Person{}
	}
	person, err := d.people.Join(ctx, presence.Member{
		Room: string(id), Conn: connID, User: p.identity.User, Name: p.identity.Name, Avatar: p.identity.Avatar,
	})
	if err != nil {
		c.log().Error("presence: join", "room", id, "user", p.identity.User, "err", err)
	}
	if c.presences.isClosed() { // closed meanwhile
		d.leavePresence(c, connID, id)
	}
	return person
}

// leavePresence ends the presence of connID in a room.
func (d *Door) leavePresence(c *conn, connID string, id store.RoomID) {
	c.presences.remove(connID)
	d.typing.Clear(string(id), connID)
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	if err := d.people.Leave(ctx, string(id), connID); err != nil {
		c.log().Error("presence: leave", "room", id, "conn", connID, "err", err)
	}
}

// updatePresence lets a person join or leave presence as their role now allows.
func (d *Door) updatePresence(c *conn, p *credentials, connID string, id store.RoomID) {
	if p.role(id) < auth.Comment {
		d.leavePresence(c, connID, id)
	} else {
		d.joinPresence(c, p, connID, id)
	}
}
