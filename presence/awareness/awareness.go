// Package awareness keeps the short-lived states of Yjs clients, such as where
// each one's caret is, under the rules by which stock clients keep them
// (y-protocols 1.0), and encodes them.
//
// An update, all numbers lib0 unsigned varints:
//
//	count ‖ count × ( client id ‖ clock ‖ length ‖ JSON text )
//	1…2 B              1…8 B      1…8 B   1…2 B
//
// The JSON text is an object, or null for a client that has gone. In a
// y-websocket frame the update is wrapped once more as a byte string; that is
// the caller's business. The package has no clock and no locks: the caller
// passes now and serialises access.
package awareness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"weft/crdt/lib0"
)

// State is what one client says of itself.
type State struct {
	ClientID uint64 // at most 2^53−1
	Clock    uint64 // grows with each change, at most 2^53−1
	JSON     []byte // an object; "null" when the client has gone
}

// Gone tells whether the state says that its client has left.
func (s State) Gone() bool { return string(s.JSON) == "null" }

// Why an update is refused. Errors of Decode wrap one of these or one of lib0's.
var (
	ErrTooMany  = errors.New("awareness: too many states in one update")
	ErrTooLarge = errors.New("awareness: state too large")
	ErrDepth    = errors.New("awareness: state nested too deeply")
	ErrJSON     = errors.New("awareness: state is neither a JSON object nor null")
	ErrTrailing = errors.New("awareness: bytes after the last state")
)

// Limits of one update. The zero value means the defaults.
type Limits struct {
	States int // entries in one update; 0 means 10,000
	Bytes  int // JSON text of one state; 0 means 4 KiB
	Depth  int // nesting of one state, the outer object included; 0 means 16
}

func (l Limits) orDefaults() Limits {
	if l.States == 0 {
		l.States = 10_000
	}
	if l.Bytes == 0 {
		l.Bytes = 4 << 10
	}
	if l.Depth == 0 {
		l.Depth = 16
	}
	return l
}

// Decode reads an update under the default limits. See [Limits.Decode].
func Decode(update []byte) ([]State, error) { return Limits{}.Decode(update) }

// minState is the shortest entry that can be valid: three one-byte numbers and {}.
const minState = 5

// Decode reads and checks a whole update: one bad entry refuses all of it. The
// JSON of the states are views into update. White space around the text is cut,
// so that a departure is always exactly null. A state whose text is valid here
// is valid for JSON.parse in a browser too, so relaying it breaks nobody.
func (l Limits) Decode(update []byte) ([]State, error) {
	return l.DecodeIf(update, func(State) bool { return true })
}

// DecodeIf returns only the states that are wanted, and looks into the JSON of no
// others: it may be anything. Stock clients send back every change they hear of,
// so in a busy room nearly all that comes is not.
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

// check looks at a state's JSON.
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

// depth is how deep brackets nest outside strings: exact for valid JSON, which
// is all it is asked about that matters.
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

// Append appends the update that says states. It trusts them: they come from
// Decode or from a [Set].
func Append(dst []byte, states []State) []byte {
	dst = lib0.AppendUvarint(dst, uint64(len(states)))
	for _, s := range states {
		dst = lib0.AppendUvarint(dst, s.ClientID)
		dst = lib0.AppendUvarint(dst, s.Clock)
		dst = lib0.AppendVarBytes(dst, s.JSON)
	}
	return dst
}
