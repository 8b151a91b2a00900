package crdttest

import (
	"errors"
	"math/rand/v2"
	"testing"

	"weft/crdt"
	"weft/crdt/lib0"
)

// Roots that Edit writes to.
const (
	Text  = "text"
	Array = "array"
	Map   = "map"
)

var words = []string{"a", "bc", "é", "漢字", "😀", "👩‍👩‍👧", "\n", "weft "}

// Edit makes one random edit of doc, in text, array or map, and returns the update.
func Edit(t testing.TB, rng *rand.Rand, doc *crdt.Doc) []byte {
	t.Helper()
	for {
		update, err := edit(rng, doc)
		if errors.Is(err, crdt.ErrHalfPair) || errors.Is(err, crdt.ErrRange) {
			continue // another place
		}
		if err != nil {
			t.Fatal(err)
		}
		return update
	}
}

func edit(rng *rand.Rand, doc *crdt.Doc) ([]byte, error) {
	key := string(rune('p' + rng.IntN(3)))
	switch rng.IntN(12) {
	case 0, 1, 2, 3, 4:
		return doc.InsertText(Text, rng.IntN(1+doc.Length(Text)), words[rng.IntN(len(words))])
	case 5, 6, 7:
		return doc.DeleteText(Text, rng.IntN(1+doc.Length(Text)), 1+rng.IntN(4))
	case 8:
		return doc.InsertArray(Array, rng.IntN(1+doc.Length(Array)), rng.IntN(100), words[rng.IntN(len(words))])
	case 9:
		return doc.DeleteArray(Array, rng.IntN(1+doc.Length(Array)), 1)
	case 10:
		return doc.SetMap(Map, key, value(rng))
	default:
		return doc.DeleteMap(Map, key)
	}
}

func value(rng *rand.Rand) any {
	return []any{
		nil, true, 1, 1.5, 0.1, "v", []byte{1, 2}, lib0.Undefined{}, lib0.BigInt(-7),
		[]any{1, "z"}, map[string]any{"k": 2, "": []any{}},
	}[rng.IntN(11)]
}
