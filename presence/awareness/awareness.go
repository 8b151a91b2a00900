// Package awareness encodes, decodes and keeps the awareness states of Yjs clients:
// short-lived JSON objects, such as the position of each caret. It follows the rules
// of stock clients (y-protocols 1.0, awareness.js).
//
// An awareness update; all numbers are lib0 unsigned varints:
//
//	count ‖ count × ( client id ‖ clock ‖ length ‖ JSON text )
//	1…2 B              1…8 B      1…8 B   1…2 B    length bytes
//
// The JSON text is an object, or null for a client that has left. A y-websocket
// frame wraps the update once more as a byte string; the caller does that. The
// package has no clock and no locks: the caller passes the time and serialises
// access.
package awareness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"weft/crdt/lib0"
)

// State is the awareness state of one client.
type State struct {
	ClientID uint64 // at most 2^53−1
	Clock    uint64 // number of the change, grows with each; at most 2^53−1
	JSON     []byte // an object, or "null": the client has left
}

// Gone reports whether the state says that its client has left.
func (s State) Gone() bool { return string(s.JSON) == "null" }

// Errors of Decode wrap one of these, or an error of lib0 if the bytes are no valid
// encoding.
var (
	ErrTooMany  = errors.New("awareness: too many states in one update")
	ErrTooLarge = errors.New("awareness: state too large")
	ErrDepth    = errors.New("awareness: state nested too deeply")
	ErrJSON     = errors.New("awareness: state is neither a JSON object nor null")
	ErrTrailing = errors.New("awareness: bytes after the last state")
)

// MaxState is how many bytes the JSON text of one state has at most, by default.
const MaxState = 4 << 10

// Limits of one update. The zero value of a field means the default.
type Limits struct {
	States int // states in one update; 0 means 10,000
	Bytes  int // bytes of the JSON text of one state; 0 means MaxState
	Depth  int // nesting of one state, including the outer object; 0 means 16
}

func (l Limits) orDefaults() Limits {
	if l.States == 0 {
		l.States = 10_000
	}
	if l.Bytes == 0 {
		l.Bytes = MaxState
	}
	if l.Depth == 0 {
		l.Depth = 16
	}
	return l
}

// Decode decodes an update with the default limits; see [Limits.Decode].
func Decode(update []byte) ([]State, error) { return Limits{}.Decode(update) }

// minState is the size in bytes of the shortest valid state: three one-byte numbers
// and {}.
const minState = 5

// Decode decodes and checks a whole update; one invalid state refuses all of it. The
// JSON of the states are slices of update. White space around the text is removed,
// so that the state of a client that has left is exactly null. Text that is valid
// here is valid for JSON.parse in a browser too, so it is safe to relay.
func (l Limits) Decode(update []byte) ([]State, error) {
	return l.DecodeIf(update, func(State) bool { return true })
}

// DecodeIf is Decode for the states that wanted returns true for. It does not check
// the JSON of the others. Stock clients send every change that they receive back to
// the server, so in a busy room few states of an update are wanted.
func (l Limits) DecodeIf(update []byte, wanted func(State) bool) ([]State, error) {
	l = l.orDefaults()
	r := lib0.NewReader(update)
	n, err := r.Count(minState)
	if err != nil {
		return nil, fmt.Errorf("awareness: count: %w", err)
	}
	if n > l.States {
		return nil, fmt.Errorf("%w: %d", ErrTooMany, n)
	}
	var states []State
	for i := range n {
		s, err := l.decodeState(&r)
		if err == nil && wanted(s) {
			err = l.check(s)
			states = append(states, s)
		}
		if err != nil {
			return nil, fmt.Errorf("awareness: state %d: %w", i, err)
		}
	}
	if r.Len() > 0 {
		return nil, ErrTrailing
	}
	return states, nil
}

func (l Limits) decodeState(r *lib0.Reader) (s State, err error) {
	if s.ClientID, err = r.Uvarint(); err != nil {
		return s, err
	}
	if s.Clock, err = r.Uvarint(); err != nil {
		return s, err
	}
	text, err := r.VarText()
	if err != nil {
		return s, err
	}
	if len(text) > l.Bytes {
		return s, fmt.Errorf("%w: %d bytes", ErrTooLarge, len(text))
	}
	s.JSON = bytes.Trim(text, " \t\r\n")
	return s, nil
}

// check returns why the JSON of a state is refused.
func (l Limits) check(s State) error {
	switch {
	case s.Gone():
		return nil
	case len(s.JSON) == 0 || s.JSON[0] != '{':
		return ErrJSON
	case depth(s.JSON) > l.Depth:
		return ErrDepth
	case !json.Valid(s.JSON):
		return ErrJSON
	}
	return nil
}

// depth returns how deep brackets nest outside strings. It is exact for valid JSON;
// other text is refused by check in any case.
func depth(text []byte) int {
	level, deepest, quoted := 0, 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}

// Append appends the update with these states to dst. It does not check them: they
// must come from Decode or from a [Set].
func Append(dst []byte, states []State) []byte {
	dst = lib0.AppendUvarint(dst, uint64(len(states)))
	for _, s := range states {
		dst = lib0.AppendUvarint(dst, s.ClientID)
		dst = lib0.AppendUvarint(dst, s.Clock)
		dst = lib0.AppendVarBytes(dst, s.JSON)
	}
	return dst
}
