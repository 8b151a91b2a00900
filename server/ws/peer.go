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

	// held keeps what the room says until the client has been told that it has
	// joined; nil after that.
	mu      sync.Mutex
	holding bool
	held    []queued
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
	if p.holding {
		p.held = append(p.held, f)
		return
	}
	p.conn.out.push(f)
}

// release lets out what was held.
func (p *peer) release() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.holding = false
	for _, f := range p.held {
		p.conn.out.push(f)
	}
	p.held = nil
}
