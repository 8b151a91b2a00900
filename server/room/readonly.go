package room

import (
	"time"

	"weft/server/event"
	"weft/server/wire"
)

// While the disk refuses writes a room is read-only: updates are neither applied nor
// passed on, so that nobody builds on what may never be stored, and their authors keep
// them. When the disk works again, the room asks each of these authors for what it lacks
// (sync step 1), which every client answers with step 2.
//
//	writable ──the disk fails──▶ read-only: updates are refused without an ack
//	   ▲                             │ the disk works
//	   └──step 2 of each author──────┘ step 1 to each author
//	      acks all it covers

// outage is what a peer has sent that was refused because the disk failed.
type outage struct {
	active bool // a refused message has not been sent again in a step 2
	// openStepOnes is how many step 1 messages the peer has not answered. It is counted
	// also while the disk works.
	openStepOnes int
	// unacked counts the peer's document messages from the first refused one on. The
	// answer to the last step 1 includes them all. refused counts those of them that have
	// had no ack.
	unacked, refused uint64
	askedAt          time.Time // when the peer was asked after the disk worked again
}

// outageTimeout is how long a peer may take to answer; then it is closed, so that it
// reconnects and syncs.
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
