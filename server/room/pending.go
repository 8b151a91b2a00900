package room

import (
	"time"

	"weft/server/auth"
	"weft/server/wire"
)

// An update may arrive before updates that it depends on. The document keeps it as
// pending then (Yjs's pendingStructs), and the room stores and acks it like any other update.
// So a pending update must never be dropped, however old it gets; the next load of the room
// reads it again. The crdt package bounds how much may be pending. The room asks for the missing updates with
// sync step 1: first the peer that sent the pending update, at once, and then all peers
// that may write, in rounds, until Limits.Pending has passed.

// pendingUpdates records since when updates are pending, and which peers were asked for the
// missing updates.
type pendingUpdates struct {
	since time.Time // when the first of them became pending; zero if none is
	size  int       // of the pending updates, as crdt counts it

	// asked holds the peers that have sent pending updates, and when each was last asked.
	asked     map[*member]time.Time
	nextRound time.Time     // when all peers are asked
	pause     time.Duration // from that round to the one after; doubles with each
	turn      int           // index in roster.row of the peer that is asked next
	reported  bool          // Limits.Pending has passed, and was counted
}

const (
	// A peer that sends more pending updates is not asked again before askAgainAfter.
	askAgainAfter = 30 * time.Second
	// firstRound is the time from the first pending update to the first round. Up to
	// askedPerTick peers are asked at one tick.
	firstRound   = 3 * time.Second
	askedPerTick = 32
)

// begin records that an update is pending.
func (p *pendingUpdates) begin(now time.Time) {
	p.since = now
	p.nextRound, p.pause = now.Add(firstRound), 2*firstRound
}

func (p *pendingUpdates) exist() bool { return !p.since.IsZero() }

// askAuthor is called after an update of m has changed the document. If that update is
// pending, askAuthor appends a step 1 to m, whose document has everything that its updates
// depend on. It does not while m has another step 1 to answer: that answer contains the same.
func (s *state) askAuthor(effects []effect, m *member, now time.Time) []effect {
	p := &s.pending
	if !s.doc.HasPending() {
		if p.exist() {
			*p = pendingUpdates{}
			effects = append(effects, effect{kind: effectPending})
		}
		return effects
	}
	if !p.exist() {
		p.begin(now)
		effects = append(effects, effect{kind: effectPending, at: now})
	}
	before := p.size
	p.size = s.doc.Stats().Pending
	if at, asked := p.asked[m]; p.size <= before || m.outage.openStepOnes > 0 || asked && now.Sub(at) < askAgainAfter {
		return effects
	}
	if p.asked == nil {
		p.asked = map[*member]time.Time{}
	}
	p.asked[m] = now
	return append(effects, s.sendStepOne(m))
}

// askAll sends step 1 to the next peers of a round, if one is due.
func (s *state) askAll(now time.Time) (effects []effect) {
	p := &s.pending
	switch {
	case !p.exist():
		return nil
	case now.Sub(p.since) >= s.limits.Pending:
		if !p.reported {
			p.reported = true
			effects = append(effects, effect{kind: effectLimit, limit: "pending-wait", reason: "room: no client has the updates that pending updates depend on; keeping them"})
		}
		return effects
	case s.readOnly || now.Before(p.nextRound):
		return nil
	}
	stepOne := wire.AppendStep1(nil, s.doc.EncodeStateVector())
	for row := s.members.row; p.turn < len(row) && len(effects) < askedPerTick; p.turn++ {
		if m := row[p.turn].member; m.info.Role >= auth.Write && m.outage.openStepOnes == 0 {
			effects = append(effects, m.sendStepOne(stepOne))
		}
	}
	if p.turn >= s.members.len() {
		p.turn, p.nextRound, p.pause = 0, now.Add(p.pause), 2*p.pause
	}
	return effects
}
