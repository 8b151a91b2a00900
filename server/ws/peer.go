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
	// native peers have a channel; y-websocket peers have 0.
	channel uint64

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
	if p.native() {
		frame = wire.AppendFrame(make([]byte, 0, len(body)+3), p.channel, body)
	} else if class == room.Event {
		return // stock Yjs providers know no events
	}
	p.push(queued{peer: p, class: class, frame: frame})
}

// Acked implements room.Peer: a native client is told a number, a y-websocket
// client hears its own update.
func (p *peer) Acked(n uint64, update []byte) {
	if p.native() {
		p.Deliver(room.Event, wire.AppendAck(nil, n))
	} else if update != nil {
		p.Deliver(room.Document, update)
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
