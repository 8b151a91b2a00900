package room

import (
	"weft/server/auth"
	"weft/server/event"
	"weft/server/wire"
)

// Class says what a body that is delivered is.
type Class int

// The classes of bodies.
const (
	// Document bodies are part of the sync protocol.
	Document Class = iota
	// Stateless bodies are stateless messages of another Hocuspocus client.
	Stateless
)

// PeerInfo is the person behind a peer, as the server knows them.
type PeerInfo struct {
	Role       auth.Role
	User, Name string
	// Anonymous people came without a token: User is made up for the one
	// connection, and Name is no more than a suggestion.
	Anonymous bool
}

// Peer is one connection in one room, as the room sees it. Whoever works for the
// room calls it, and the journal's goroutine, one at a time for each method; no
// method may block or call the room.
type Peer interface {
	// Wake says that c, which is always the same for one peer, may have
	// something: take it with c.Next when the connection can carry it, and go
	// on until there is nothing.
	Wake(c *Cursor)
	// Deliver queues a small body, which must arrive or the peer must be closed.
	// The bytes are shared and must not be changed.
	Deliver(class Class, body []byte)
	// DeliverEvent queues an event, in the form of the peer's dialect if that has
	// one. It must arrive or the peer must be closed.
	DeliverEvent(e *event.Encoded)
	// Acked says that the first n document messages the peer has sent are on
	// disk. It is called once for each document message that was taken, in order; n
	// stands still after one was refused. Messages that a failing disk held off are
	// acknowledged late, see readonly.go. For a peer that Echoes it is not called.
	Acked(n uint64)
	// Echoes tells whether the peer is to be told its own updates too, once
	// they are on disk: the ack of the y-websocket dialect.
	Echoes() bool
	// Refused says that a document message was dropped, as the peer may not
	// make the change. Of these and the acks each message has one.
	Refused()
	// Close ends the connection, or the peer's part in this room.
	Close(code wire.CloseCode, reason string)
}
