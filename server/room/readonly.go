package room

import (
	"time"

	"weft/server/event"
	"weft/server/wire"
)

// While the disk refuses writes, a room is read-only. Updates are neither applied nor sent
// to other peers, so that nobody builds on an update that may never be stored. Their authors
// keep them. When the disk works again, the room sends each of these authors a sync step 1,
// which every client answers with a step 2 that contains the refused updates.
//
// The states of one peer (outage.active, outage.askedAt):
//
//	complete  ── update refused ──────────────────────────────▶ refused
//	 (not active)                                               (active, askedAt zero)
//	refused   ── the disk works: step 1 is sent ──────────────▶ asked
//	                                                            (active, askedAt set)
//	asked     ── step 2 for the last open step 1 is accepted ─▶ complete; acks are sent
//	asked     ── the disk fails again, an update is refused ──▶ refused
//	asked     ── no such step 2 within outageTimeout ─────────▶ the peer is closed
//
// In the states refused and asked, the number in the peer's acks does not advance: an ack
// of n covers all of the first n messages, and at least one of them is missing.

// outage counts the messages of a peer since the first one that the room refused because
// the disk failed.
type outage struct {
	active bool // a refused message has not been sent again in a step 2
	// openStepOnes is how many step 1 messages the peer has not answered. They are counted
	// while the disk works, too.
	openStepOnes int
	// unacked counts the peer's document messages from the first refused one on. The
	// answer to the last open step 1 contains them all. refused counts the messages among
	// them for which no ack was sent.
	unacked, refused uint64
	askedAt          time.Time // when the peer was asked after the disk worked again
}

// outageTimeout is how long a peer may take to answer the step 1. Then the room closes the
// peer, so that its client reconnects and syncs.
const outageTimeout = time.Minute

// add counts a refused message.
func (o *outage) add() {
	o.active = true
	o.unacked++
	o.refused++
	o.askedAt = time.Time{}
}

// countDocMessage counts a document message that was accepted.
func (m *member) countDocMessage() {
	switch {
	case m.outage.active:
		m.outage.unacked++
	case !m.refused:
		m.docMessages++
	}
}

// countStepTwo counts a step 2 message. An accepted step 2 that answers the last open step
// 1 ends the outage, because it contains everything that was refused. It acknowledges all
// earlier messages; lateAcks is the number of those that have not been acked yet.
func (m *member) countStepTwo(refused bool) (lateAcks uint64) {
	o := &m.outage
	o.openStepOnes = max(o.openStepOnes-1, 0)
	if o.active && o.openStepOnes == 0 && !o.askedAt.IsZero() && !refused {
		if !m.refused {
			m.docMessages += o.unacked
		}
		lateAcks, *o = o.refused, outage{}
	}
	return lateAcks
}

// sendStepOne returns a step 1 to a peer, with the document's state vector.
func (s *state) sendStepOne(m *member) effect {
	return m.sendStepOne(wire.AppendStep1(nil, s.doc.EncodeStateVector()))
}

func (m *member) sendStepOne(body []byte) effect {
	m.outage.openStepOnes++
	return effect{kind: effectSend, to: m, body: body}
}

// setReadOnly records whether the disk refuses writes.
func (s *state) setReadOnly(failing bool, now time.Time) []effect {
	s.readOnly = failing
	if failing {
		return []effect{{kind: effectBroadcast, event: readOnlyEvent}}
	}
	effects := []effect{{kind: effectBroadcast, event: writableEvent}}
	for _, seat := range s.members.row {
		m := seat.member
		if m.outage.active {
			m.outage.askedAt = now
			effects = append(effects, s.sendStepOne(m))
		}
	}
	return effects
}

// closeOverdue closes peers that were asked after an outage and did not answer in time.
func (s *state) closeOverdue(now time.Time) (effects []effect) {
	for _, seat := range s.members.row {
		m := seat.member
		if o := m.outage; o.active && !o.askedAt.IsZero() && now.Sub(o.askedAt) > outageTimeout {
			effects = append(effects, effect{kind: effectClose, to: m, code: wire.CloseOverload, reason: "no answer to sync step 1; reconnect and sync"})
		}
	}
	return effects
}

// The events that tell native clients whether updates can be stored.
var (
	writableEvent = event.New(event.Storage{Writable: true})
	readOnlyEvent = event.New(event.Storage{Writable: false})
)
