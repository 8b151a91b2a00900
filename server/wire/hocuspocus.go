package wire

import (
	"fmt"
	"strings"

	"weft/crdt/lib0"
)

// The Hocuspocus dialect, as providers 2 to 4 speak it:
//
//	frame   := varstring address ‖ body        about one document
//	         | 09 | 0a                         ping, pong: about the connection, provider 4 only
//	address := document name [ 00 session ]    session: provider 4 with sessionAwareness
//	body    := 00 sync | 01 varbytes | 03      as in y-websocket
//	         | 02 00 varstring [ varstring ]   token; provider 4 adds its version
//	         | 02 00                           server: send your token again
//	         | 02 01 varstring                 server: denied, and the reason
//	         | 02 02 varstring                 server: authenticated, "read-write" or "readonly"
//	         | 05 varstring                    stateless message
//	         | 07 [ varstring ]                close this document; the server adds the reason
//	         | 08 varuint                      server: one update is durable (1) or refused (0)
//
// Types 0, 1, 3 and 5 are bodies of a room as they are: the dialect only puts the
// address before them.

// The types of a Hocuspocus body that y-protocols has not.
const (
	TypeStateless          Type = 5
	typeBroadcastStateless Type = 6
	TypeClose              Type = 7
	TypeSyncStatus         Type = 8
	TypePing               Type = 9
	TypePong               Type = 10
)

// Kinds of a TypeAuth message.
const (
	authToken         = 0
	authDenied        = 1
	authAuthenticated = 2
)

// MaxAddress is the longest Hocuspocus address in bytes: a room id, a zero byte
// and a session.
const MaxAddress = 256

// Hocuspocus is a decoded message of a Hocuspocus client. Its slices refer to the
// frame that it was decoded from.
type Hocuspocus struct {
	// Address is what answers begin with, byte for byte. It is empty for ping and
	// pong.
	Address []byte
	Body
	// Token and Version are set for a TypeAuth message only. Version is the
	// provider's; providers before 4 do not send it.
	Token, Version string
}

// Document returns the document's name: the address without the session.
func (h Hocuspocus) Document() string {
	name, _, _ := strings.Cut(string(h.Address), "\x00")
	return name
}

// DecodeHocuspocus reads a frame from a client. As in DecodeBody, an unknown type
// is no error. Types that only a server sends are. Errors wrap ErrFrame.
func DecodeHocuspocus(frame []byte) (Hocuspocus, error) {
	if len(frame) == 1 && (Type(frame[0]) == TypePing || Type(frame[0]) == TypePong) {
		return Hocuspocus{Body: Body{Type: Type(frame[0])}}, nil
	}
	r := lib0.NewReader(frame)
	address, err := r.VarText()
	if err != nil {
		return Hocuspocus{}, fmt.Errorf("%w: address: %w", ErrFrame, err)
	}
	if len(address) > MaxAddress {
		return Hocuspocus{}, fmt.Errorf("%w: an address of %d bytes, the limit is %d", ErrFrame, len(address), MaxAddress)
	}
	h := Hocuspocus{Address: address}
	rest := r.Rest()
	t, err := r.Uvarint()
	if err != nil {
		return Hocuspocus{}, fmt.Errorf("%w: type: %w", ErrFrame, err)
	}
	switch h.Type = Type(t); h.Type {
	case TypeSync, TypeAwareness, TypeQueryAwareness:
		h.Body, err = DecodeBody(rest)
		return h, err
	case TypeAuth:
		err = h.auth(&r)
	case TypeStateless:
		h.Payload, err = r.VarText()
	case typeBroadcastStateless:
		err = fmt.Errorf("type %d is sent by servers only", t)
	}
	if err != nil {
		return Hocuspocus{}, fmt.Errorf("%w: type %d: %w", ErrFrame, t, err)
	}
	return h, nil
}

func (h *Hocuspocus) auth(r *lib0.Reader) (err error) {
	kind, err := r.Uvarint()
	if err != nil {
		return err
	}
	if kind != authToken {
		return fmt.Errorf("kind %d is sent by servers only", kind)
	}
	if h.Token, err = r.VarString(); err != nil || r.Len() == 0 {
		return err
	}
	h.Version, err = r.VarString()
	return err
}

// AppendAddress appends the address that begins a Hocuspocus frame. A body follows.
func AppendAddress(dst, address []byte) []byte { return lib0.AppendVarBytes(dst, address) }

// Scope is what an authenticated client may do with a document.
type Scope string

// The scopes that Hocuspocus providers know.
const (
	ScopeReadOnly  Scope = "readonly"
	ScopeReadWrite Scope = "read-write"
)

// AppendAuthenticated appends the body that lets a client into a document.
func AppendAuthenticated(dst []byte, scope Scope) []byte {
	return lib0.AppendVarString(append(dst, byte(TypeAuth), authAuthenticated), string(scope))
}

// AppendDenied appends the body that refuses a document to a client. reason is for
// people; "permission-denied" is known to Hocuspocus users for a missing token.
func AppendDenied(dst []byte, reason string) []byte {
	return lib0.AppendVarString(append(dst, byte(TypeAuth), authDenied), reason)
}

// AppendTokenWanted appends the body that asks a client for its token again.
// Providers before 3.3 ignore it.
func AppendTokenWanted(dst []byte) []byte { return append(dst, byte(TypeAuth), authToken) }

// SyncStatus is what became of one update.
type SyncStatus byte

// The values of SyncStatus.
const (
	SyncRefused SyncStatus = 0
	SyncApplied SyncStatus = 1 // the update is durable
)

// AppendSyncStatus appends the body that says what became of one update.
func AppendSyncStatus(dst []byte, status SyncStatus) []byte {
	return append(dst, byte(TypeSyncStatus), byte(status))
}

// AppendStateless appends the body of a stateless message, whose payload is UTF-8
// text.
func AppendStateless(dst, payload []byte) []byte {
	return lib0.AppendVarBytes(append(dst, byte(TypeStateless)), payload)
}

// AppendClose appends the body that closes a document on a connection. Provider 2
// does not know it.
func AppendClose(dst []byte, reason string) []byte {
	return lib0.AppendVarString(append(dst, byte(TypeClose)), reason)
}
