package ws

import (
	"slices"
	"sync"
	"time"

	"weft/server/store"
)

// stays is where a connection's person is present by it. Unlike what the dialect
// knows of it, it is not under conn.work, which may be held for as long as a disk does
// not answer. Safe for concurrent use.
type stays struct {
	mu   sync.Mutex
	at   []stay
	over bool
}

type stay struct {
	name string // of the connection, to presence
	room store.RoomID
}

// add returns false if the connection was lost.
func (s *stays) add(name string, room store.RoomID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.over && !slices.Contains(s.at, stay{name, room}) {
		s.at = append(s.at, stay{name, room})
	}
	return !s.over
}

func (s *stays) remove(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = slices.DeleteFunc(s.at, func(st stay) bool { return st.name == name })
}

// end returns what is left and lets nothing more in.
func (s *stays) end() (left []stay) {
	s.mu.Lock()
	defer s.mu.Unlock()
	left, s.at, s.over = s.at, nil, true
	return left
}

func (s *stays) ended() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// unread tells whether nothing has been read of a connection for longer than a peer
// may be silent. The socket's own deadline is for who reads; this is for a connection
// that waits with what was read last, for a disk most likely.
func (c *conn) unread() bool {
	silence := time.Since(time.Unix(0, c.heard.Load()))
	return silence > c.door.pongWait+quiet/2 && !c.stays.ended()
}

// lose ends a connection that nobody reads. Whether its peer is still there can't be
// told without reading, and who is will come back; so the person is present by it no
// longer, though its work may go on until the disk answers. It does not block.
func (c *conn) lose() {
	c.log().Warn("a connection is ended that has waited too long to be read")
	for _, s := range c.stays.end() {
		c.door.depart(c, s.name, s.room)
	}
	c.close(c.dialect.slowCode(), "the server could not read: come back")
}
