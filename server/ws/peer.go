package ws

import (
	"bytes"
	"sync"
	"sync/atomic"

	"weft/server/event"
	"weft/server/room"
	"weft/server/wire"
)

// peer is a connection's part in one room; it is the room's room.Peer.
type peer struct {
	conn *conn
	// prefix stands before each body of the room: the channel or the address.
	prefix string

	mu      sync.Mutex
	listens bool         // a Hocuspocus client hears events
	left    bool         // what the room still says is for nobody
	cursor  *room.Cursor // nil before the room has woken the peer
	// acked is the count that a native client has not been told yet; 0 if it
	// has. acks are those not yet passed on to a Hocuspocus client, one by one.
	acked uint64
	acks  int
	held  *held // nil if nothing is held

	name string // of this connection in this room, to presence and typing
	room *room.Room
	// native peers have a channel, Hocuspocus peers an address, those of
	// y-websocket neither.
	channel uint64
	address []byte

	stirred atomic.Int64 // when presence was told last, in Unix ns

	warned bool // a y-websocket client knows that it may not write
}

// held is what the room says until the client has been told that it has joined.
type held struct {
	frames [][]byte
	bytes  int
	woken  bool
}

func nativePeer(c *conn, name string, r *room.Room, channel uint64) *peer {
	return &peer{conn: c, name: name, room: r, channel: channel, prefix: string(wire.AppendFrame(nil, channel, nil))}
}

func hocuspocusPeer(c *conn, name string, r *room.Room, address []byte) *peer {
	return &peer{conn: c, name: name, room: r, address: bytes.Clone(address), prefix: string(wire.AppendAddress(nil, address))}
}

// hold makes a peer keep what the room says until release.
func (p *peer) hold() { p.held = &held{} }

func (p *peer) native() bool { return p.channel != 0 }

// Echoes implements room.Peer: a y-websocket client hears its own updates.
func (p *peer) Echoes() bool { return !p.native() && p.address == nil }

// Deliver implements room.Peer. Stock y-websocket clients know no stateless
// messages.
func (p *peer) Deliver(class room.Class, body []byte) {
	if class == room.Stateless && !p.native() && p.address == nil {
		return
	}
	p.say(body)
}

// DeliverEvent implements room.Peer. Native clients get every event, Hocuspocus
// clients if they have subscribed, y-websocket clients none.
func (p *peer) DeliverEvent(e *event.Encoded) {
	switch {
	case p.native():
		p.say(e.Native())
	case p.address != nil && p.subscribed():
		p.say(e.Stateless())
	}
}

func (p *peer) subscribed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listens
}

// listen makes a Hocuspocus client hear the room's events, or no longer.
func (p *peer) listen(on bool) {
	p.mu.Lock()
	p.listens = on
	p.mu.Unlock()
}

// addressed puts what stands before each body of the room before this one.
func (p *peer) addressed(body []byte) []byte {
	if p.prefix == "" {
		return body
	}
	return append(append(make([]byte, 0, len(p.prefix)+len(body)), p.prefix...), body...)
}

// say queues a body that must arrive.
func (p *peer) say(body []byte) {
	frame := p.addressed(body)
	out := &p.conn.out
	full := false
	p.mu.Lock()
	switch h := p.held; {
	case p.left:
	case h == nil: // still locked, for the order
		out.put(frame)
	case out.limit.full(h.bytes, len(h.frames)):
		full, p.left = true, true
	default:
		h.frames = append(h.frames, frame)
		h.bytes += len(frame)
	}
	p.mu.Unlock()
	if full {
		out.slow()
	}
	out.kick()
}

// Wake implements room.Peer.
func (p *peer) Wake(c *room.Cursor) {
	p.mu.Lock()
	p.cursor = c
	p.wake()
}

// Acked implements room.Peer: a native client is told the last number, a
// Hocuspocus client a status for each.
func (p *peer) Acked(n uint64) {
	p.mu.Lock()
	if p.native() {
		p.acked = n
	} else {
		p.acks++
	}
	p.wake()
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
		p.say(wire.AppendDenied(nil, "you may read here, and not write"))
	}
}

// wake is called with mu held, and gives it back.
func (p *peer) wake() {
	held := p.held != nil
	if held {
		p.held.woken = true
	}
	idle := p.left || held
	p.mu.Unlock()
	if !idle {
		p.conn.out.wake(p)
	}
}

// next returns the next frame of what the room has for the peer, nil if it has
// nothing now, and whether there may be more by now: if not, it wakes when there is.
func (p *peer) next() (frame []byte, more bool) {
	p.mu.Lock()
	cursor, acked, acks := p.cursor, p.acked, p.acks
	switch {
	case p.left || p.held != nil:
		p.mu.Unlock()
		return nil, false
	case acked > 0:
		p.acked = 0
	case acks > 0:
		p.acks--
	}
	p.mu.Unlock()
	switch {
	case acked > 0:
		return wire.AppendAck([]byte(p.prefix), acked), true
	case acks > 0:
		return wire.AppendSyncStatus([]byte(p.prefix), true), true
	case cursor == nil:
		return nil, false
	}
	body, more := cursor.Next()
	if body == nil {
		return nil, false
	}
	return body.Frame(p.prefix), more
}

// Probe implements room.Prober.
func (p *peer) Probe() { p.conn.probe() }

// Close implements room.Peer.
func (p *peer) Close(code wire.CloseCode, reason string) { p.conn.close(code, reason) }

// release lets out what was held.
func (p *peer) release() {
	p.mu.Lock()
	h := p.held
	p.held = nil
	for _, frame := range h.frames {
		p.conn.out.put(frame)
	}
	p.mu.Unlock()
	p.conn.out.kick()
	if h.woken {
		p.conn.out.wake(p)
	}
}

// mute sends nothing any more that the room still says to the peer: its channel may
// be another room's by then.
func (p *peer) mute() {
	p.mu.Lock()
	p.left = true
	p.mu.Unlock()
}

// leave takes the peer out of its room.
func (p *peer) leave() {
	p.mute()
	p.room.Leave(p)
}
