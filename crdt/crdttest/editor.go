package crdttest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"weft/crdt"
	"weft/crdt/lib0"
)

// Names of the roots that Edit writes to.
const (
	Text  = "text"  // edited as a text
	Array = "array" // edited as an array
	Map   = "map"   // edited as a map
	XML   = "xml"   // edited as an XML fragment
)

var words = []string{"a", "bc", "é", "漢字", "😀", "👩‍👩‍👧", "\n", "weft "}

// Edit runs one random transaction on doc and returns its update. It makes one to three
// edits in the roots Text, Array, Map and XML and in the types nested there. An edit that
// fails ends the test.
func Edit(t testing.TB, rng *rand.Rand, doc *crdt.Doc) []byte {
	t.Helper()
	update, err := doc.Transact(func(tx *crdt.Tx) error { return Edits(tx, rng, doc) })
	if err != nil {
		t.Fatal(err)
	}
	return update
}

// Edits makes one to three random edits within a transaction. An edit with an
// invalid index is tried again with another index; other errors are returned.
func Edits(tx *crdt.Tx, rng *rand.Rand, doc *crdt.Doc) error {
	for n := 1 + max(0, rng.IntN(5)-2); n > 0; n-- {
		err := edit(tx, rng, doc)
		if errors.Is(err, crdt.ErrHalfPair) || errors.Is(err, crdt.ErrRange) {
			n++ // try again at another index
		} else if err != nil {
			return err
		}
	}
	return nil
}

func edit(tx *crdt.Tx, rng *rand.Rand, doc *crdt.Doc) error {
	switch rng.IntN(16) {
	case 0, 1, 2, 3, 4, 5, 6, 7:
		return editText(tx, rng, doc.Text(Text))
	case 8, 9, 10:
		return editArray(tx, rng, doc.Array(Array))
	case 11, 12, 13:
		return editMap(tx, rng, doc.Map(Map))
	default:
		return editXML(tx, rng, doc.XML(XML))
	}
}

func editText(tx *crdt.Tx, rng *rand.Rand, text crdt.Text) error {
	at, word := rng.IntN(1+text.Length()), words[rng.IntN(len(words))]
	switch rng.IntN(12) {
	case 0, 1, 2, 3, 4:
		return text.Insert(tx, at, word)
	case 5:
		return text.InsertWith(tx, at, word, attributes(rng))
	case 6:
		return text.InsertEmbed(tx, at, map[string]any{"image": word}, attributes(rng))
	case 7, 8:
		return text.Format(tx, at, rng.IntN(6), attributes(rng))
	case 9:
		return text.ApplyDelta(tx, crdt.Delta{
			{Retain: 1 + at/2, Attributes: attributes(rng)}, {Insert: word}, {Delete: 1},
		})
	}
	return text.Delete(tx, at, 1+rng.IntN(4))
}

func editArray(tx *crdt.Tx, rng *rand.Rand, array crdt.Array) error {
	at := rng.IntN(1 + array.Length())
	if v, ok := array.Get(at); ok && rng.IntN(2) == 0 {
		if done, err := editNested(tx, rng, v); done {
			return err
		}
	}
	switch rng.IntN(4) {
	case 0:
		return array.Delete(tx, at, 1)
	case 1:
		return array.Push(tx, value(rng))
	}
	return array.Insert(tx, at, value(rng), rng.IntN(100), value(rng))
}

func editMap(tx *crdt.Tx, rng *rand.Rand, m crdt.Map) error {
	key := []string{"p", "q", ""}[rng.IntN(3)]
	if v, ok := m.Get(key); ok && rng.IntN(2) == 0 {
		if done, err := editNested(tx, rng, v); done {
			return err
		}
	}
	if rng.IntN(3) == 0 {
		return m.Delete(tx, key)
	}
	return m.Set(tx, key, value(rng))
}

func editXML(tx *crdt.Tx, rng *rand.Rand, f crdt.XMLFragment) error {
	at := rng.IntN(1 + f.Length())
	if v, ok := f.Get(at); ok && rng.IntN(2) == 0 {
		if done, err := editNested(tx, rng, v); done {
			return err
		}
	}
	if rng.IntN(3) == 0 {
		return f.Delete(tx, at, 1)
	}
	return f.Insert(tx, at, crdt.NewXMLElement{
		Name: "p", Attributes: map[string]any{"id": "7"}, Children: []any{crdt.NewXMLText(words[rng.IntN(len(words))])},
	})
}

// editNested edits the nested type v; done is false if v is not a nested type.
func editNested(tx *crdt.Tx, rng *rand.Rand, v any) (done bool, err error) {
	switch v := v.(type) {
	case crdt.Text:
		return true, editText(tx, rng, v)
	case crdt.XMLText:
		return true, editText(tx, rng, v.Text)
	case crdt.Array:
		return true, editArray(tx, rng, v)
	case crdt.Map:
		return true, editKeys(tx, rng, v)
	case crdt.XMLElement:
		if rng.IntN(3) == 0 {
			return true, editKeys(tx, rng, v.AsMap())
		}
		return true, editXML(tx, rng, v.XMLFragment)
	}
	return false, nil
}

// editKeys edits a nested map and never sets a key twice. If a type is deleted whose keys
// were overwritten, it depends on the order of updates whether Yjs merges the remaining GCs,
// and so it does in this engine. Tests that compare encoded states would then fail.
func editKeys(tx *crdt.Tx, rng *rand.Rand, m crdt.Map) error {
	if keys := m.Keys(); len(keys) > 0 && rng.IntN(3) == 0 {
		return m.Delete(tx, keys[rng.IntN(len(keys))])
	}
	return m.Set(tx, fmt.Sprint("k", rng.Uint32()), value(rng))
}

func attributes(rng *rand.Rand) crdt.Attributes {
	return []crdt.Attributes{
		nil, {"bold": true}, {"bold": nil}, {"bold": true, "color": "red"}, {"color": nil},
		{"link": map[string]any{"href": "x"}},
	}[rng.IntN(6)]
}

func value(rng *rand.Rand) any {
	return []any{
		nil, true, 1, 1.5, 0.1, "v", []byte{1, 2}, lib0.Undefined{}, lib0.BigInt(-7),
		[]any{1, "z"}, map[string]any{"k": 2, "": []any{}},
		crdt.NewText("nested"), crdt.NewArray{1, crdt.NewText("")}, crdt.NewMap{"k": crdt.NewMap{}},
		crdt.Subdoc{GUID: "g"},
	}[rng.IntN(15)]
}
