package room

import (
	"time"

	"weft/server/room/journal"
	"weft/server/store"
)

// apply executes the effects of a step, in order. mu is held.
func (r *Room) apply(effects []effect) {
	for i := range effects {
		e := &effects[i]
		switch e.kind {
		case effectSend:
			e.to.peer.Deliver(Document, e.body)
		case effectSendEvent:
			e.to.peer.DeliverEvent(e.event)
		case effectBroadcast:
			r.deliverEvent(queuedEvent{event: e.event})
		case effectJournal:
			r.appendToJournal(e.data)
		case effectUpdate:
			r.flush.add(e.to, e.data)
		case effectAck:
			r.deliverWhenDurable(delivery{to: e.to, after: e.after, n: e.n})
		case effectRefuse:
			e.to.peer.Refused()
		case effectStepOne:
			e.to.reader.SetStepOne(e.data)
			e.to.peer.Wake(e.to.reader)
		case effectAwareness:
			r.feed.NoteAwareness(e.states, time.Now())
			r.flush.awarenessChanged = true
		case effectAllAwareness:
			e.to.reader.ResetAwareness()
			e.to.peer.Wake(e.to.reader)
		case effectTouch:
			if p, ok := e.to.peer.(Toucher); ok {
				p.Touch()
			}
		case effectProbe:
			if p, ok := e.to.peer.(Prober); ok {
				p.Probe()
			}
		case effectPending:
			r.setPendingSince(e.at)
		case effectClose:
			r.closePeer(e)
		case effectLimit:
			r.onLimit(e.limit)
			if e.reason != "" {
				r.log.Warn(e.reason, "room", r.id)
			}
		}
	}
}

// appendToJournal makes an update durable, which is the last one the state has numbered.
func (r *Room) appendToJournal(update []byte) {
	r.logSize.records++
	r.logSize.bytes += len(update)
	r.journal.Add(journal.Record{
		Update: store.Update{Room: r.id, Data: update}, Position: r.position, Number: r.state.appended,
	})
}

// closePeer closes a peer and removes it from the room.
func (r *Room) closePeer(e *effect) {
	if e.limit != "" {
		r.onLimit(e.limit)
	}
	r.log.Info("room: closing a peer", "room", r.id, "code", int(e.code), "reason", e.reason)
	e.to.peer.Close(e.code, e.reason)
	r.apply(r.state.step(command{kind: commandLeave, peer: e.to.peer, now: time.Now()}))
}
