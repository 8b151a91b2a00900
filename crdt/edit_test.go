package crdt

import (
	"encoding/hex"
	"errors"
	"testing"
)

// TestEditsGiveTheUpdatesOfYjs checks that a local edit gives the same update as in Yjs,
// and leaves the same state.
func TestEditsGiveTheUpdatesOfYjs(t *testing.T) {
	vectors := readVectors(t)
	state := func(name string, d *Doc) {
		t.Helper()
		if got := hex.EncodeToString(d.EncodeStateAsUpdate(nil)); got != vectors[name] {
			t.Errorf("%s: full state %s, in Yjs %s", name, got, vectors[name])
		}
		if err := d.Check(); err != nil {
			t.Errorf("%s: Check: %v", name, err)
		}
	}
	must := func(update []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return update
	}

	d := New(Options{ClientID: 1})
	for i, letter := range []string{"a", "b", "c"} {
		want := vectors["incr updates"].([]any)[i]
		if got := hex.EncodeToString(must(d.InsertText("t", i, letter))); got != want {
			t.Errorf("inserting letter %d: update %s, in Yjs %s", i, got, want)
		}
	}
	state("text abc c=1 v1", d)
	if got := hex.EncodeToString(must(d.DeleteText("t", 1, 1))); got != "000101010101" {
		t.Errorf("deleting b: update %s, want 000101010101", got)
	}
	state("text abc del[1,1) v1", d)

	d = New(Options{ClientID: 1})
	must(d.SetMap("m", "k", "v1"))
	must(d.SetMap("m", "k", 2))
	state("map k=v1 then k=2 v1", d)
	must(d.DeleteMap("m", "k"))
	if got := hex.EncodeToString(must(d.DeleteMap("m", "k"))); got != "0000" {
		t.Errorf("deleting a key that is deleted: update %s, want 0000", got)
	}

	d = New(Options{ClientID: 1})
	must(d.InsertText("t", 0, "a😀b"))
	state("text a😀b v1", d)
	before := d.EncodeStateAsUpdate(nil)
	for name, err := range map[string]error{
		"insert inside a surrogate pair":           second(d.InsertText("t", 2, "X")),
		"delete the first half of a pair":          second(d.DeleteText("t", 0, 2)),
		"delete from the second half of a pair on": second(d.DeleteText("t", 2, 1)),
	} {
		if !errors.Is(err, ErrHalfPair) {
			t.Errorf("%s: error %v, want ErrHalfPair", name, err)
		}
	}
	for name, err := range map[string]error{
		"insert before the text":                second(d.InsertText("t", -1, "X")),
		"insert after the end of the text":      second(d.InsertText("t", 5, "X")),
		"insert in an unknown text":             second(d.InsertText("u", 1, "X")),
		"delete beyond the end":                 second(d.DeleteText("t", 3, 2)),
		"delete a negative length":              second(d.DeleteText("t", 3, -1)),
		"delete in an unknown text":             second(d.DeleteText("u", 0, 1)),
		"delete so much that the end overflows": second(d.DeleteText("t", 1, int(^uint(0)>>1))),
	} {
		if !errors.Is(err, ErrRange) {
			t.Errorf("%s: error %v, want ErrRange", name, err)
		}
	}
	if err := second(d.InsertText("t", 0, "\xff")); !errors.Is(err, ErrUTF8) {
		t.Errorf("inserting bytes that are not UTF-8: error %v, want ErrUTF8", err)
	}
	if string(before) != string(d.EncodeStateAsUpdate(nil)) || len(d.Roots()) != 1 {
		t.Error("refused edits changed the document")
	}
	must(d.DeleteText("t", 1, 2))
	if d.Text("t").String() != "ab" || d.Length("t") != 2 {
		t.Errorf("text is %q, length %d, want \"ab\", length 2", d.Text("t").String(), d.Length("t"))
	}
}

// second returns the error of an edit.
func second(_ []byte, err error) error { return err }

// TestJSONFormFollowsTheContent checks that the content of a root decides the form of its
// JSON export: a string, an array or an object.
func TestJSONFormFollowsTheContent(t *testing.T) {
	d := New(Options{ClientID: 1})
	vectors := readVectors(t)
	xml, _ := hex.DecodeString(vectors["xml <p id=1>hi</p> v1"].(string))
	if _, err := d.ApplyUpdate(xml); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		second(d.InsertText("t", 0, "a \"b\"\n<c>\x01")),
		second(d.InsertArray("a", 0, 1, "x", nil, true, 1.5, []byte{1, 2}, map[string]any{"q": []any{}})),
		second(d.SetMap("m", "k", map[string]any{"n": 1})),
		second(d.SetMap("m", "", -0.5)),
		second(d.InsertText("gone", 0, "x")),
		second(d.DeleteText("gone", 0, 1)),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	got, err := d.JSON()
	want := `{"a":[1,"x",null,true,1.5,"AQI=",{"q":[]}],"gone":null,"m":{"":-0.5,"k":{"n":1}},` +
		`"t":"a \"b\"\n<c>\u0001","x":"<p id=\"1\">hi</p>"}`
	if err != nil || string(got) != want {
		t.Errorf("JSON is\n%s, want\n%s, error %v", got, want, err)
	}
}
