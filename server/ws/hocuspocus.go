package ws

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"weft/server/auth"
	"weft/server/problem"
	"weft/server/wire"
)

// hocuspocus is the dialect of unmodified Hocuspocus providers 2 to 4: many documents on
// one connection, each under an address of the client's choice, entered with a token of
// its own and left on its own. Its state is guarded by conn.dialectMu.
type hocuspocus struct {
	conn      *conn
	token     string               // of the request; for documents that are entered without one
	documents map[string]*document // by address
	entered   int                  // documents so far, for their ids
	// denied has the addresses that were denied last, at most maxDenied, each with the
	// state vector of a step 1 that came since: a provider that then sends a better token
	// does not send its step 1 again.
	denied map[string][]byte
	hello  *time.Timer // closes a connection that enters no document
}

func (h *hocuspocus) opened() {
	h.hello = time.AfterFunc(hocuspocusWait, func() {
		h.conn.door.limits.onLimit("hello-wait")
		h.conn.close(wire.CloseSlow, "no document was entered in time")
	})
}

func (h *hocuspocus) closed() {
	h.hello.Stop()
	for address := range h.documents {
		h.leaveDocument(address)
	}
}

func (h *hocuspocus) slowCode() wire.CloseCode { return wire.CloseSlow }

// keepAlive sends a message for no document. Providers ignore it, and yet count it as a
// sign of life for all documents. The dialect's own pings are for provider 4 only.
func (h *hocuspocus) keepAlive() { h.conn.send(emptyAwarenessNoDocument) }

var emptyAwarenessNoDocument = append(wire.AppendAddress(nil, nil), emptyAwareness...)

func (h *hocuspocus) received(frame []byte) {
	c := h.conn
	m, err := wire.DecodeHocuspocus(frame)
	if err != nil {
		c.close(wire.CloseBadFrame, err.Error())
		return
	}
	switch m.Type {
	case wire.TypePing:
		c.send([]byte{byte(wire.TypePong)})
		return
	case wire.TypePong:
		return
	case wire.TypeAuth:
		if limit := c.door.limits.PreAuth; len(frame) > limit {
			c.door.limits.onLimit("hello")
			c.close(wire.CloseTooLarge, fmt.Sprintf("auth message of %d bytes: the limit is %d", len(frame), limit))
			return
		}
		c.limiters.waitRequest()
		h.authenticate(m)
		return
	}
	d := h.documents[string(m.Address)]
	if d == nil {
		if d = h.receivedUnentered(m); d == nil {
			return
		}
	}
	if !c.enforceLimits(m.Body, len(frame)) {
		return
	}
	switch m.Type {
	case wire.TypeSync, wire.TypeAwareness, wire.TypeQueryAwareness:
		d.peer.touchIfEdit(m.Body)
		d.peer.room.Receive(d.peer, m.Body)
	case wire.TypeStateless:
		h.stateless(d, m.Payload)
	case wire.TypeClose:
		h.leaveDocument(string(m.Address))
	}
}

func (h *hocuspocus) tryInline(frame []byte, now time.Time) bool {
	m, err := wire.DecodeHocuspocus(frame)
	if err != nil {
		return false
	}
	d := h.documents[string(m.Address)]
	return d != nil && h.conn.tryRunInline(d.peer, m.Body, len(frame), now)
}

// receivedUnentered handles a message for a document that has not been entered, and
// returns the document if the message has entered it.
//
//   - Step 1, with which a sync begins, enters the document where no token is needed:
//     provider 2 sends no auth message without a token.
//   - Step 1 for a denied document is kept until the document is entered. A client whose
//     token was denied has sent its step 1 already, and some send it together with their
//     next token.
//   - Anything else is dropped. What it would change the client sends again in answer to
//     our step 1, and a message after a close must not enter the document again.
func (h *hocuspocus) receivedUnentered(m wire.Hocuspocus) *document {
	if m.Type != wire.TypeSync || m.IsUpdate() {
		return nil
	}
	if _, denied := h.denied[string(m.Address)]; denied {
		h.denied[string(m.Address)] = keptStateVector(m)
		return nil
	}
	h.conn.limiters.waitRequest()
	h.authenticate(wire.Hocuspocus{Address: m.Address})
	if _, denied := h.denied[string(m.Address)]; denied {
		h.denied[string(m.Address)] = keptStateVector(m)
	}
	return h.documents[string(m.Address)]
}

// keptStateVector returns the state vector of a step 1 to keep. Instead of one over 1 KiB
// it returns the empty one, which asks for everything.
func keptStateVector(m wire.Hocuspocus) []byte {
	if len(m.Payload) > 1<<10 {
		return []byte{0}
	}
	return bytes.Clone(m.Payload)
}

// authenticate enters a document, or renews its token.
func (h *hocuspocus) authenticate(m wire.Hocuspocus) {
	c, address := h.conn, string(m.Address)
	token := m.Token
	if token == "" {
		token = h.token
	}
	d := h.documents[address]
	if d != nil && d.credentials.anonymous && token == "" {
		d.peer.send(wire.AppendAuthenticated(nil, scopeOf(d.role)))
		return
	}
	id, err := c.door.auth.Identify(token)
	if errors.Is(err, auth.ErrKeys) { // a provider whose document is denied does not try again
		c.close(wire.CloseOverload, err.Error())
		return
	}
	if err != nil {
		h.deny(m.Address, denialReason(err))
		return
	}
	l := login{id, token == ""}
	if d != nil && d.credentials.identity.User == id.User {
		h.accept(d, l)
		d.role = auth.None // so that recheckDocument tells the client its role
		h.recheckDocument(d)
		return
	}
	if d != nil { // another user replaces the present one
		h.leaveDocument(address)
	}
	h.enterDocument(m, l)
}

// denialReason returns why a token was denied. For a missing token it is the word that
// users of Hocuspocus know.
func denialReason(err error) string {
	p, known := problem.Of(err)
	switch {
	case p.Kind == problem.TokenMissing:
		return "permission-denied"
	case !known:
		return p.Title
	}
	return p.Reason()
}

// deny tells the client that it may not enter a document or stay in it, and leaves it.
func (h *hocuspocus) deny(address []byte, reason string) {
	if h.documents[string(address)] != nil {
		h.leaveDocument(string(address))
	}
	if h.denied[string(address)] = nil; len(h.denied) > maxDenied {
		h.conn.close(wire.CloseRate, "too many documents were denied")
		return
	}
	h.conn.send(wire.AppendDenied(wire.AppendAddress(nil, address), truncate(reason, maxDenialReason)))
}

const (
	maxDenied       = 256 // addresses of one connection
	maxDenialReason = 200 // bytes
)

func (h *hocuspocus) recheck(user string) {
	for _, d := range h.documents { // recheckDocument may delete d
		if d.credentials.identity.User == user {
			h.recheckDocument(d)
		}
	}
}
