package ws

import (
	"context"
	"time"

	"weft/crdt/ysync"
	"weft/server/event"
	"weft/server/wire"
)

// touchEvery is the shortest time between two reports of activity to presence. It is
// short against presence.IdleAfter. The activity of an idle or away person is reported at
// once, because their last report is longer ago.
const touchEvery = 5 * time.Second

// Touch implements room.Toucher: the person has done something at this connection. It
// does not block.
func (p *peer) Touch() {
	now, last := time.Now().UnixNano(), p.lastTouch.Load()
	if now-last < int64(touchEvery) || !p.lastTouch.CompareAndSwap(last, now) {
		return
	}
	p.callPresence(p.conn.door.people.Touch)
}

// markIdle tells presence that the person no longer looks at the room.
func (p *peer) markIdle() {
	p.lastTouch.Store(0)
	p.callPresence(p.conn.door.people.MarkIdle)
}

func (p *peer) callPresence(f func(ctx context.Context, room, conn string) error) {
	if err := f(context.Background(), string(p.room.ID()), p.connID); err != nil {
		p.conn.log().Debug("presence: activity", "room", p.room.ID(), "err", err)
	}
}

// touchIfEdit touches for an update, and not for a step 2, which a client sends by itself
// when it connects.
func (p *peer) touchIfEdit(b wire.Body) {
	if b.Type == wire.TypeSync && b.Sync == ysync.Update {
		p.Touch()
	}
}

// active handles the event by which a client reports activity that shows in nothing else:
// scrolling, or a tab that is hidden. It is about all rooms of the connection.
func (n *native) active(e wire.Event) error {
	var p event.Active
	if err := e.Into(&p); err != nil {
		return err
	}
	for _, ch := range n.channels {
		if p.On {
			ch.peer.Touch()
		} else {
			ch.peer.markIdle()
		}
	}
	return nil
}
