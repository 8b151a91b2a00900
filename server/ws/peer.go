package ws

import (
	"sync"

	"weft/server/room"
	"weft/server/wire"
)

// peer is a connection's part in one room; it is the room's room.Peer.
type peer struct {
	conn *conn
	room *room.Room
	// native peers have a channel, Hocuspocus peers an address, those of
	// y-websocket neither.
	channel uint64
	address []byte

	warned bool // a y-websocket client knows that it may not write

	mu sync.Mutex
	// held keeps what the room says until the client has been told that it has
	// joined; nil after that. It is bounded as the connection's own queue is.
	held *queue
	left bool // what the room still says is for nobody
}

// hold makes a peer keep what the room says until release.
func (p *peer) hold() {
	p.held = &queue{limit: p.conn.out.limit, slow: p.conn.out.slow, flying: window}
}

func (p *peer) native() bool { return p.channel != 0 }

// Deliver implements room.Peer.
func (p *peer) Deliver(class room.Class, body []byte) {
	frame := body
	switch {
	case p.native():
		frame = wire.AppendFrame(make([]byte, 0, len(body)+3), p.channel, body)
	case class == room.Event && (p.address == nil || !wire.IsStateless(body)):
		return // stock Yjs providers know no events
	case p.address != nil:
		frame = p.addressed(body)
	}
	p.push(queued{peer: p, class: class, frame: frame})
}

// addressed puts a Hocuspocus peer's address before a body.
func (p *peer) addressed(body []byte) []byte {
	frame := wire.AppendAddress(make([]byte, 0, len(body)+len(p.address)+3), p.address)
	return append(frame, body...)
}

// say queues a body of the connection's own on a Hocuspocus document.
func (p *peer) say(body []byte) {
	p.push(queued{peer: p, class: room.Event, frame: p.addressed(body)})
}

// Acked implements room.Peer: a native client is told a number, a Hocuspocus
// client a status, a y-websocket client hears its own update.
func (p *peer) Acked(n uint64, update []byte) {
	switch {
	case p.native():
		p.Deliver(room.Event, wire.AppendAck(nil, n))
	case p.address != nil:
		p.say(wire.AppendSyncStatus(nil, true))
	case update != nil:
		p.Deliver(room.Document, update)
	}
}

// Refused implements room.Peer. A native client learns it from acks that stand
// still, and has been told its role; a y-websocket client prints what it is
// told, so it is told once.
func (p *peer) Refused() {
	switch {
	case p.native():
	case p.address != nil:
		p.say(wire.AppendSyncStatus(nil, false))
	case !p.warned:
		p.warned = true
		p.push(queued{peer: p, class: room.Event, frame: wire.AppendDenied(nil, "you may read here, and not write")})
	}
}

// Close implements room.Peer.
func (p *peer) Close(code wire.CloseCode, reason string) { p.conn.close(code, reason) }

func (p *peer) push(f queued) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.left:
	case p.held != nil:
		p.held.push(f)
	default:
		p.conn.out.push(f)
	}
}

// release lets out what was held.
func (p *peer) release() {
	p.mu.Lock()
	for _, f := range p.held.frames {
		p.conn.out.push(f)
	}
	lost := p.held.behind[p]
	p.held = nil
	p.mu.Unlock()
	if lost { // not under the lock: the room may be waiting for it
		p.room.Resync(p)
	}
}

// leave takes the peer out of its room. Nothing that the room still says to it
// is sent any more: its channel may be another room's by then.
func (p *peer) leave() {
	p.mu.Lock()
	p.left = true
	p.mu.Unlock()
	p.room.Leave(p)
}
