package room

import (
	"time"

	"weft/server/event"
	"weft/server/wire"
)

// While the disk takes nothing a room is read-only: updates are neither applied
// nor passed on, so that nobody builds on what may never be stored, and their
// authors keep them. When the disk is back, each of these authors is asked for
// what the room lacks (sync step 1), which every client answers.

// lapse is what a peer has sent that was refused because the disk failed.
type lapse struct {
	open  bool
	asked int // step 1 messages that the peer has not answered
	// missed counts the peer's document messages since the first refused one.
	// Its answer to the last step 1 holds all of them. refused counts those of
	// them that have had no ack.
	missed, refused uint64
	since           time.Time // when the peer was asked after the disk came back
}

// lapseTime is how long a peer may take to answer; then it is closed, to come
// back and sync anew.
const lapseTime = time.Minute

func (l *lapse) refuse() {
	l.open = true
	l.missed++
	l.refused++
	l.since = time.Time{}
}

// count takes note of a document message.
func (m *member) count() {
	switch {
	case m.lapse.open:
		m.lapse.missed++
	case !m.refused:
		m.docMessages++
	}
}

// answered takes note of a step 2. The one that answers the last step 1 asked
// after a lapse, unless it is refused as well, ends it: from here on acks speak
// for all that came before. owed is how many of those have had no ack.
func (m *member) answered(refused bool) (owed uint64) {
	l := &m.lapse
	l.asked = max(l.asked-1, 0)
	if l.open && l.asked == 0 && !l.since.IsZero() && !refused {
		if !m.refused {
			m.docMessages += l.missed
		}
		owed, *l = l.refused, lapse{}
	}
	return owed
}

// ask is a step 1 to the peer.
func (s *state) ask(m *member) effect {
	return m.ask(wire.AppendStep1(nil, s.doc.EncodeStateVector()))
}

func (m *member) ask(step1 []byte) effect {
	m.lapse.asked++
	return effect{kind: send, to: m, class: Document, body: step1}
}

// storage takes note that the disk fails, or does no longer.
func (s *state) storage(failing bool, now time.Time) []effect {
	s.readOnly = failing
	effects := []effect{{kind: broadcast, event: storageEvents[!failing]}}
	if failing {
		return effects
	}
	for _, seat := range s.members.row {
		m := seat.member
		if m.lapse.open {
			m.lapse.since = now
			effects = append(effects, s.ask(m))
		}
	}
	return effects
}

// overdue closes peers that were asked and did not answer.
func (s *state) overdue(now time.Time) (effects []effect) {
	for _, seat := range s.members.row {
		m := seat.member
		if l := m.lapse; l.open && !l.since.IsZero() && now.Sub(l.since) > lapseTime {
			effects = append(effects, effect{kind: closePeer, to: m, code: wire.CloseOverload, reason: "come back and sync"})
		}
	}
	return effects
}

// storageEvents are the events that say whether updates can be stored, by that.
var storageEvents = map[bool]*event.Encoded{
	true:  event.New(event.Storage{Writable: true}),
	false: event.New(event.Storage{Writable: false}),
}
