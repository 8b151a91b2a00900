package ws

import (
	"bytes"
	"sync"
	"sync/atomic"

	"weft/server/event"
	"weft/server/room"
	"weft/server/room/feed"
	"weft/server/wire"
)

// peer is a connection's membership in one room: it implements room.Peer.
//
// What the room sends comes in two ways. Bodies that must arrive (Deliver) are queued in
// the connection's send queue. Of updates, awareness and acks only the fact is kept that there
// are some (Wake, Acked): the send queue asks for a frame of them (next) when it can write one.
type peer struct {
	conn *conn
	// prefix stands before each body of the room: the channel, the address, or nothing.
	prefix string

	mu         sync.Mutex
	subscribed bool         // a Hocuspocus client has subscribed to events
	muted      bool         // nothing more may be sent
	reader     *feed.Reader // nil before the first Wake
	// acked is the count of the next ack to a native client; 0 for none. acks is the number
	// of SyncStatus messages that are still to be sent to a Hocuspocus client.
	acked  uint64
	acks   int
	buffer *joinBuffer // nil: nothing is buffered

	connID string // see presence.Member.Conn
	room   *room.Room
	// A native peer has a channel, a Hocuspocus peer an address, a y-websocket peer neither.
	channel uint64
	address []byte

	lastTouch atomic.Int64 // when presence was last told of activity, in Unix ns

	toldReadOnly bool // a y-websocket client has been told that it may not write
}

var (
	_ room.Peer    = (*peer)(nil)
	_ room.Prober  = (*peer)(nil)
	_ room.Toucher = (*peer)(nil)
)

// joinBuffer holds frames that the room sends before the answer to the client's join is
// queued.
type joinBuffer struct {
	frames [][]byte
	bytes  int  // in frames
	woken  bool // next may have a frame
}

func newNativePeer(c *conn, connID string, r *room.Room, channel uint64) *peer {
	return &peer{conn: c, connID: connID, room: r, channel: channel, prefix: string(wire.AppendFrame(nil, channel, nil))}
}

func newHocuspocusPeer(c *conn, connID string, r *room.Room, address []byte) *peer {
	return &peer{conn: c, connID: connID, room: r, address: bytes.Clone(address), prefix: string(wire.AppendAddress(nil, address))}
}

func (p *peer) isNative() bool { return p.channel != 0 }

// Echoes implements room.Peer: a y-websocket client is sent its own updates.
func (p *peer) Echoes() bool { return !p.isNative() && p.address == nil }

// Deliver implements room.Peer. Stock y-websocket clients do not know stateless messages.
func (p *peer) Deliver(class room.Class, body []byte) {
	if class == room.Stateless && !p.isNative() && p.address == nil {
		return
	}
	p.send(body)
}

// DeliverEvent implements room.Peer. Native clients get every event, Hocuspocus clients
// if they have subscribed, y-websocket clients none.
func (p *peer) DeliverEvent(e *event.Encoded) {
	switch {
	case p.isNative():
		p.send(e.Native())
	case p.address != nil && p.isSubscribed():
		p.send(e.Stateless())
	}
}

func (p *peer) isSubscribed() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.subscribed
}

// subscribe makes a Hocuspocus client receive the room's events, after what has been
// buffered. flushBuffer must follow.
func (p *peer) subscribe() {
	p.mu.Lock()
	p.subscribed = true
	p.startBuffer()
	p.mu.Unlock()
}

func (p *peer) unsubscribe() {
	p.mu.Lock()
	p.subscribed = false
	p.mu.Unlock()
}

// withPrefix returns a frame of the body.
func (p *peer) withPrefix(body []byte) []byte {
	if p.prefix == "" {
		return body
	}
	return append(append(make([]byte, 0, len(p.prefix)+len(body)), p.prefix...), body...)
}

// send queues a body that must arrive. If the queue is full the connection is closed as
// too slow. It does not block.
func (p *peer) send(body []byte) {
	frame := p.withPrefix(body)
	out := &p.conn.out
	full := false
	p.mu.Lock()
	switch b := p.buffer; {
	case p.muted:
	case b == nil: // with mu held, so that bodies keep their order
		out.enqueue(frame)
	case out.limits.queueIsFull(b.bytes, len(b.frames)):
		full, p.muted = true, true
	default:
		b.frames = append(b.frames, frame)
		b.bytes += len(frame)
	}
	p.mu.Unlock()
	if full {
		out.closeConn(reasonTooSlow)
	}
	out.flush()
}

// Wake implements room.Peer.
func (p *peer) Wake(r *feed.Reader) {
	p.mu.Lock()
	p.reader = r
	p.wake()
}

// Acked implements room.Peer. A native client gets the last number, a Hocuspocus client a
// status for each update.
func (p *peer) Acked(n uint64) {
	p.mu.Lock()
	if p.isNative() {
		p.acked = n
	} else {
		p.acks++
	}
	p.wake()
}

// Refused implements room.Peer. A native client gets no message: it knows its role, and its
// acks do not advance. A y-websocket client prints the message, so it is sent once.
func (p *peer) Refused() {
	switch {
	case p.isNative():
	case p.address != nil:
		p.send(wire.AppendSyncStatus(nil, wire.SyncRefused))
	case !p.toldReadOnly:
		p.toldReadOnly = true
		p.send(wire.AppendDenied(nil, "you may read and not write here"))
	}
}

// wake tells the send queue that next may have a frame. It is called with mu held and
// releases it.
func (p *peer) wake() {
	buffered := p.buffer != nil
	if buffered {
		p.buffer.woken = true
	}
	silent := p.muted || buffered
	p.mu.Unlock()
	if !silent {
		p.conn.out.wake(p)
	}
}

// next returns the next frame of what the room has for the peer, nil for none, and
// whether there may be more. If not, wake is called when there is.
func (p *peer) next() (frame []byte, more bool) {
	p.mu.Lock()
	reader, acked, acks := p.reader, p.acked, p.acks
	switch {
	case p.muted || p.buffer != nil:
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
		return wire.AppendSyncStatus([]byte(p.prefix), wire.SyncApplied), true
	case reader == nil:
		return nil, false
	}
	body, more := reader.Next()
	if body == nil {
		return nil, false
	}
	return body.Frame(p.prefix), more
}

// Probe implements room.Prober.
func (p *peer) Probe() { p.conn.probe() }

// Close implements room.Peer.
func (p *peer) Close(code wire.CloseCode, reason string) { p.conn.close(code, reason) }

// startBuffer makes the peer keep what the room sends until flushBuffer. It must be called
// before the room knows the peer, or with mu held.
func (p *peer) startBuffer() { p.buffer = &joinBuffer{} }

// flushBuffer sends what has been buffered.
func (p *peer) flushBuffer() {
	p.mu.Lock()
	b := p.buffer
	p.buffer = nil
	for _, frame := range b.frames {
		p.conn.out.enqueue(frame)
	}
	p.mu.Unlock()
	p.conn.out.flush()
	if b.woken {
		p.conn.out.wake(p)
	}
}

// mute drops everything that the room still sends to the peer. By then the peer's channel
// may belong to another room.
func (p *peer) mute() {
	p.mu.Lock()
	p.muted = true
	p.mu.Unlock()
}

// leave takes the peer out of its room.
func (p *peer) leave() {
	p.mute()
	p.room.Leave(p)
}
