package room

import (
	"weft/server/auth"
	"weft/server/event"
	"weft/server/room/feed"
	"weft/server/wire"
)

// A Class says which kind of body is delivered to a peer.
type Class int

const (
	// Document bodies are part of the sync protocol (y-protocols/sync and awareness).
	Document Class = iota
	// Stateless bodies are stateless messages of another Hocuspocus client.
	Stateless
)

// PeerInfo is the identity and role of a peer, as the server knows them.
type PeerInfo struct {
	Role       auth.Role
	User, Name string
	// Anonymous people connected without a token: User is made up for the one connection,
	// and Name is only a suggestion.
	Anonymous bool
}

// A Peer is one connection in one room, as the room sees it.
//
// The room's methods call it on whichever goroutine works for the room, with the room's
// lock held; Wake and Acked are also called on the journal's goroutine, with the lock of
// the room's ack queue held. No method is called twice at the same time.
//
// A method must not block, and must not call a method of a Room or Hub, directly or by
// waiting for a goroutine that does: that would deadlock. It may call the Reader that Wake
// hands it, whose methods take no lock but the feed's for a moment.
type Peer interface {
	// Wake says that the reader may have something: call Next when the connection can
	// carry it, in Wake or later on any goroutine, until there is nothing. The reader is
	// always the same for one peer.
	Wake(*feed.Reader)
	// Deliver queues a small body. It must arrive, or the peer must be closed. The bytes
	// are shared and must not be changed.
	Deliver(class Class, body []byte)
	// DeliverEvent queues an event, in the form of the peer's dialect if that has one. It
	// must arrive, or the peer must be closed.
	DeliverEvent(e *event.Encoded)
	// Acked says that the first n document messages of the peer are durable. It is called
	// once for each document message that was accepted, in order; n stays the same from
	// the first refused message on. Messages that a failing disk held off are acked late,
	// see readonly.go. It is not called for a peer that Echoes.
	Acked(n uint64)
	// Echoes reports whether the peer gets its own updates too, once they are durable: the
	// ack of the y-websocket dialect. It must always return the same.
	Echoes() bool
	// Refused says that a document message was dropped, as the peer may not make the
	// change. Each document message gets either an ack or this.
	Refused()
	// Close ends the connection, or the peer's part in this room.
	Close(code wire.CloseCode, reason string)
}

// A Prober is a Peer that can check its connection: Probe asks the client for a sign of
// life, and ends the connection if none comes. The rules of Peer hold.
type Prober interface{ Probe() }

// A Toucher is a Peer that wants to know when its person is active in a way that only the
// room can tell from a mere renewal: their awareness state has changed. The rules of Peer
// hold.
type Toucher interface{ Touch() }
