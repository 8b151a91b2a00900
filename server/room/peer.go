package room

import (
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

// Peer is one connection in one room, as the room sees it. The room calls it
// from its goroutine; no method may block or call the room.
type Peer interface {
	// Deliver queues a body. The bytes are shared and must not be changed.
	Deliver(class Class, body []byte)
	// Acked says that the first n document messages the peer has sent are on
	// disk. update is the body of the n-th, for dialects that acknowledge by
	// echo; nil if it changed nothing.
	Acked(n uint64, update []byte)
	// Close ends the connection, or the peer's part in this room.
	Close(code wire.CloseCode, reason string)
}
