package ws

import (
	"context"
	"time"

	"weft/crdt/ysync"
	"weft/server/event"
	"weft/server/wire"
)

// stirEvery is how often presence is told at most that somebody is active. It is short
// against presence.IdleAfter; who has turned idle or away is back at once, as that is
// longer ago.
const stirEvery = 5 * time.Second

// Touch implements room.Toucher: the person did something at this connection. It
// does not block.
func (p *peer) Touch() {
	now, last := time.Now().UnixNano(), p.stirred.Load()
	if now-last < int64(stirEvery) || !p.stirred.CompareAndSwap(last, now) {
		return
	}
	p.tell(p.conn.door.People.Touch)
}

// rest says that the person has turned away.
func (p *peer) rest() {
	p.stirred.Store(0)
	p.tell(p.conn.door.People.MarkIdle)
}

func (p *peer) tell(say func(ctx context.Context, room, conn string) error) {
	if err := say(context.Background(), string(p.room.ID()), p.name); err != nil {
		p.conn.log().Debug("presence: activity", "room", p.room.ID(), "err", err)
	}
}

// edits stirs for an update. A step 2 comes by itself, with a new connection.
func (p *peer) edits(b wire.Body) {
	if b.Type == wire.TypeSync && b.Sync == ysync.Update {
		p.Touch()
	}
}

// active is what the client says of what is not told otherwise: scrolling, or a tab
// that nobody looks at. It is about all rooms of the connection.
func (n *native) active(e wire.Event) error {
	var p event.Active
	if err := e.Into(&p); err != nil {
		return err
	}
	for _, ch := range n.channels {
		if p.On {
			ch.peer.Touch()
		} else {
			ch.peer.rest()
		}
	}
	return nil
}
