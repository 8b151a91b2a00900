package room

import (
	"weft/server/auth"
	"weft/server/wire"
)

// Class says what a body is, so that a queue that is full knows what it may
// let go.
type Class int

// The classes of bodies.
const (
	// Document bodies may be dropped when a peer is behind: Resync heals it.
	Document Class = iota
	// Awareness bodies may be dropped likewise.
	Awareness
	// Event bodies must arrive, or the peer must be closed.
	Event
)

// Who is the person behind a peer, as the server knows them.
type Who struct {
	Role       auth.Role
	User, Name string
	// Anonymous people came without a token: User is made up for the one
	// connection, and Name is no more than a suggestion.
	Anonymous bool
}

// Peer is one connection in one room, as the room sees it. The room calls it
// from its goroutine; no method may block or call the room.
type Peer interface {
	// Deliver queues a body. The bytes are shared and must not be changed.
	Deliver(class Class, body []byte)
	// Acked says that the first n document messages the peer has sent are on
	// disk. update is the body of the n-th, for dialects that acknowledge by
	// echo; nil if it changed nothing. It is called once for each document
	// message that was taken, in order; n stands still after one was refused.
	// Messages that a failing disk held off are acknowledged late, see readonly.go.
	Acked(n uint64, update []byte)
	// Refused says that a document message was dropped, as the peer may not
	// make the change. Of these and the acks each message has one.
	Refused()
	// Close ends the connection, or the peer's part in this room.
	Close(code wire.CloseCode, reason string)
}
