package crdt

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzUse applies any update from a peer and checks that
//
//   - each root can be read and edited as every type
//   - the updates of the edits bring a copy to the same state
//   - an edit that fails leaves the document unchanged.
//
// Three bytes of script choose each edit.
func FuzzUse(f *testing.F) {
	seedUpdates(f, func(u []byte) {
		f.Add(u, []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c"))
		f.Add(u, []byte("\x00\xff\x80\x40\x21\x09\x33\x55\x71\x02\x00\xfe"))
	})
	f.Fuzz(func(t *testing.T, update, script []byte) {
		if len(update) > 1<<16 || len(script) > 64 {
			return
		}
		d := New(Options{ClientID: 1<<53 - 7})
		if _, err := d.ApplyUpdate(update); err != nil {
			return
		}
		if d.StateVector()[d.ClientID()] > 0 || d.HasPending() {
			return // the caller must not use the client id of another author
		}
		copied := New(Options{})
		if _, err := copied.ApplyUpdate(d.EncodeStateAsUpdate(nil)); err != nil {
			t.Fatal(err)
		}
		readAll(t, d)
		for len(script) >= 3 {
			before := d.EncodeStateAsUpdate(nil)
			made, err := d.Transact(func(tx *Tx) error { return editBy(d, tx, script[:3]) })
			script = script[3:]
			if err != nil {
				if !bytes.Equal(before, d.EncodeStateAsUpdate(nil)) {
					t.Fatalf("an edit failed (%v), but the document changed", err)
				}
				continue
			}
			if bad := d.Check(); bad != nil {
				t.Fatal(bad)
			}
			if _, err := copied.ApplyUpdate(made); err != nil {
				t.Fatalf("the copy refuses the update %x of an edit: %v", made, err)
			}
		}
		if x, y := d.EncodeStateAsUpdate(nil), copied.EncodeStateAsUpdate(nil); !bytes.Equal(x, y) {
			t.Fatalf("state of the edited document\n%x, of the copy\n%x", x, y)
		}
		readAll(t, d)
	})
}

// readAll reads each root as every type, and checks that the exports are valid JSON.
func readAll(t *testing.T, d *Doc) {
	t.Helper()
	if _, err := d.JSON(); err != nil && !errors.Is(err, ErrTooDeep) {
		t.Fatal(err)
	}
	for _, name := range d.Roots() {
		_ = d.XML(name).String()
		text := d.Text(name).Delta()
		for _, v := range []any{text, d.Text(name), d.Array(name), d.Map(name), d.XML(name)} {
			if b, err := json.Marshal(v); err == nil && !json.Valid(b) {
				t.Fatalf("root %q as %T: invalid JSON %s", name, v, b)
			} else if err != nil && !errors.Is(err, ErrTooDeep) {
				t.Fatalf("root %q as %T: %v", name, v, err)
			}
		}
		if _, err := d.XML(name).Markup(); err != nil && !errors.Is(err, ErrTooDeep) {
			t.Fatal(err)
		}
		for _, key := range d.Map(name).Keys() {
			d.Map(name).Get(key)
		}
		length := d.Length(name)
		for _, index := range []int{0, length / 2, length} {
			p, err := d.PositionAt(name, index, index%3-1)
			if err != nil {
				t.Fatal(err)
			}
			if place, ok := d.ResolvePosition(p); ok && place.Index > length {
				t.Fatalf("%+v resolves to %+v, but the length is %d", p, place, length)
			}
		}
	}
}

// editBy makes one edit that the three bytes of by choose: by[0] the root or a type nested
// in it, by[1] the index, by[2] the kind of the edit and the length of the range.
func editBy(d *Doc, tx *Tx, by []byte) error {
	name := "text"
	if roots := d.Roots(); len(roots) > 0 {
		name = roots[int(by[0])%len(roots)]
	}
	where := d.Root(name)
	if nested, ok := where.AsArray().Get(int(by[1]) % (where.Length() + 1)); ok && by[0] >= 128 {
		switch v := nested.(type) {
		case Text:
			where = v.Type
		case Array:
			where = v.Type
		case Map:
			where = v.Type
		case XMLElement:
			where = v.Type
		}
	}
	length := where.Length()
	at := int(by[1]) % (length + 1)
	span := min(int(by[2])>>4, length-at)
	bold := Attributes{"b": true, "i": nil}
	switch by[2] & 15 {
	case 0:
		return where.AsText().Insert(tx, at, "漢😀x")
	case 1:
		return where.AsText().InsertWith(tx, at, "y", bold)
	case 2:
		return where.AsText().Delete(tx, at, span)
	case 3:
		return where.AsText().Format(tx, at, span, bold)
	case 4:
		return where.AsText().InsertEmbed(tx, at, map[string]any{"image": "u"}, nil)
	case 5:
		return where.AsText().ApplyDelta(tx, Delta{{Retain: at}, {Insert: "z", Attributes: bold}, {Delete: span}})
	case 6:
		return where.AsArray().Insert(tx, at, 1, "two", NewMap{"k": 1}, NewArray{nil})
	case 7:
		return where.AsArray().Delete(tx, at, span)
	case 8:
		return where.AsMap().Set(tx, "k", NewText("t"))
	case 9:
		return where.AsMap().Set(tx, "", []byte{1})
	case 10:
		return where.AsMap().Delete(tx, "k")
	case 11:
		return where.AsXML().Insert(tx, at, NewXMLElement{Name: "p"}, NewXMLText("x"))
	case 12:
		return where.AsXML().Delete(tx, at, span)
	case 13:
		return errors.Join(where.AsText().Insert(tx, at, "gone"), errors.New("roll back"))
	}
	return where.AsText().SetAttribute(tx, "a", 1)
}
