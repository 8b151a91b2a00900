package jsvalue

import (
	"encoding/json"
	"errors"

	"weft/crdt/lib0"
)

// ErrJSON is returned for text that is not JSON, and for values that JSON cannot express.
var ErrJSON = errors.New("content is not JSON")

// CheckJSON checks that b is a JSON text nested at most lib0.MaxDepth levels. Errors:
// ErrJSON, lib0.ErrDepth.
func CheckJSON(b []byte) error {
	if jsonDepth(b) > lib0.MaxDepth {
		return lib0.ErrDepth
	}
	if !json.Valid(b) {
		return ErrJSON
	}
	return nil
}

// CheckJSONElement checks that b is a JSON text or the bare word undefined.
func CheckJSONElement(b []byte) error {
	if string(b) == "undefined" {
		return nil
	}
	return CheckJSON(b)
}

// jsonDepth is how deeply the brackets of a JSON text nest.
func jsonDepth(b []byte) int {
	depth, deepest := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ']', '}':
			depth--
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		}
	}
	return deepest
}
