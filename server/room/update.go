package room

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/crdt/ysync"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/wire"
)

// syncMessage executes a message of the sync protocol.
func (s *state) syncMessage(m *member, b wire.Body, now time.Time) []effect {
	if b.Sync != ysync.Step1 {
		return s.update(m, b, now)
	}
	if _, err := crdt.DecodeStateVector(b.Payload); err != nil {
		return closeForError(m, err)
	}
	return []effect{{kind: effectStepOne, to: m, data: b.Payload}}
}

// update applies a document message, an update or a step 2. The other peers get the
// update at once, the journal gets the very bytes that came, and the author gets an ack
// once they are durable.
func (s *state) update(m *member, b wire.Body, now time.Time) []effect {
	mayWrite := m.info.Role >= auth.Write
	known := false
	if !mayWrite || s.readOnly {
		var err error
		if known, err = s.doc.Knows(b.Payload); err != nil {
			return closeForError(m, err)
		}
	}
	lateAcks := uint64(0)
	if b.Sync == ysync.Step2 {
		lateAcks = m.countStepTwo(s.readOnly && !known)
	}
	switch {
	case !mayWrite && !known:
		// A reader's client answers step 1 with its updates. The room mostly knows them all.
		// Unknown ones (the client's editor may have tidied up formatting) are dropped, and no
		// ack may ever cover them.
		m.refused = true
		return []effect{{kind: effectRefuse, to: m}}
	case s.readOnly && !known:
		m.outage.add()
		return nil
	}
	m.countDocMessage()
	effects := s.few[:0]
	changed := false
	if mayWrite {
		if full, err := s.refuseIfFull(m, b.Payload); err != nil {
			return closeForError(m, err)
		} else if full != nil {
			return full
		}
		var err error
		if changed, err = s.doc.ApplyUpdate(b.Payload); err != nil {
			return closeForError(m, err)
		}
		if changed {
			s.appended++
			m.lastRecord = s.appended
			update := bytes.Clone(b.Payload) // kept for longer than the message that it came in
			effects = append(effects, effect{kind: effectJournal, data: update}, effect{kind: effectUpdate, to: m, data: update})
		}
	}
	for range lateAcks {
		effects = append(effects, effect{kind: effectAck, to: m, n: m.docMessages - 1, after: s.appended})
	}
	effects = append(effects, effect{kind: effectAck, to: m, n: m.docMessages, after: s.appended})
	if changed {
		effects = s.askAuthor(effects, m, now)
	}
	return effects
}

// refuseIfFull returns the effects that refuse an update because the document has reached
// a limit, nil if it may be applied. Deletions and known updates may be.
func (s *state) refuseIfFull(m *member, update []byte) ([]effect, error) {
	limit, reason := s.limits.reached(s.doc.Stats())
	if limit == "" || bytes.HasPrefix(update, noStructs) {
		return nil, nil
	}
	known, err := s.doc.Knows(update)
	if err != nil || known {
		return nil, err
	}
	return []effect{{kind: effectClose, to: m, code: wire.CloseTooLarge, reason: reason, limit: limit}}, nil
}

// noStructs is the beginning of an update that only deletes: it has structs of 0 clients.
var noStructs = []byte{0}

// closeForError closes a peer whose message cannot be applied.
func closeForError(m *member, err error) []effect {
	e := effect{kind: effectClose, to: m, code: wire.CloseBadFrame, reason: fmt.Sprintf("bad frame: %v", err)}
	switch {
	case errors.Is(err, crdt.ErrPendingFull):
		// Too many updates lack the updates that they depend on. A new sync contains those.
		e.code, e.reason, e.limit = wire.CloseOverload, "too many updates are pending; reconnect and sync", "pending"
	case errors.Is(err, crdt.ErrTooLarge):
		e.code, e.reason, e.limit = wire.CloseTooLarge, err.Error(), "document"
	case errors.Is(err, crdt.ErrSubdocuments):
		e.code, e.reason, e.limit = wire.CloseTooLarge, "the document has too many subdocuments", "subdocuments"
	case errors.Is(err, crdt.ErrTooCostly):
		e.limit = "work"
	case errors.Is(err, lib0.ErrDepth):
		e.limit = "depth"
	case errors.Is(err, awareness.ErrTooLarge), errors.Is(err, awareness.ErrTooMany), errors.Is(err, awareness.ErrDepth):
		e.limit = "awareness-state"
	}
	return []effect{e}
}
