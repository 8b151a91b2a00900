package v2

import (
	"weft/crdt/internal/codec"
	"weft/crdt/internal/jsvalue"
	"weft/crdt/lib0"
)

// Encoder writes an update in format V2. ../../FORMAT.md says which field goes into which
// column.
//
//	Reserve (optional) → Start → for each section { Begin → Write … } → Finish
//
// The zero value is ready. An Encoder writes one update and is not safe for concurrent
// use.
type Encoder struct {
	keyClock              deltaRunWriter
	client                uintRunWriter
	leftClock, rightClock deltaRunWriter
	info                  byteRunWriter
	text                  textWriter
	parentInfo            byteRunWriter
	shape, length         uintRunWriter
	rest                  []byte
	keys                  uint64 // keys written so far
	cost                  meter  // what reading the update costs
	values                jsvalue.Parser
}

// Reserve allocates at once what so many structs, with so many bytes of content, are
// likely to take.
func (e *Encoder) Reserve(structs, content int) {
	all := make([]byte, 0, 7*structs+content)
	take := func(n int) []byte {
		at := len(all)
		all = all[:at+n]
		return all[at:at:len(all)]
	}
	e.info.buf, e.client.buf, e.text.units.buf = take(structs), take(structs), take(structs)
	e.leftClock.buf, e.rightClock.buf, e.text.all = take(2*structs), take(2*structs), take(content)
}

// Start writes the number of sections. It must be called once, before the first Begin.
func (e *Encoder) Start(sections int) {
	e.rest = lib0.AppendUvarint(e.rest, uint64(sections))
}

// Finish writes the delete set, which must be in normal form, and returns the update. It
// is padded if readers would refuse it as too dense (cost.go).
func (e *Encoder) Finish(ds codec.DeleteSet) []byte {
	dst := e.FinishUnpadded(ds)
	if more := e.cost.total() - allowance(len(dst)); more > 0 {
		e.length.buf = append(e.length.flush(), make([]byte, more/allowPerByte+1)...)
		dst = e.join()
	}
	return dst
}

// FinishUnpadded is Finish without padding: the bytes are those of Yjs, and readers may
// refuse them.
func (e *Encoder) FinishUnpadded(ds codec.DeleteSet) []byte {
	e.rest = ds.AppendV2(e.rest)
	e.cost.delete(len(ds))
	return e.join()
}

// join writes the columns one behind the other.
func (e *Encoder) join() []byte {
	units, total := e.text.units.flush(), 64
	var text [10]byte
	head := lib0.AppendUvarint(text[:0], uint64(len(e.text.all)))
	all := [...][]byte{
		e.keyClock.flush(), e.client.flush(), e.leftClock.flush(), e.rightClock.flush(),
		e.info.buf, nil, e.parentInfo.buf, e.shape.flush(), e.length.flush(),
	}
	const texts = 5
	for _, column := range all {
		total += len(column)
	}
	total += len(head) + len(e.text.all) + len(units) + len(e.rest)
	dst := append(make([]byte, 0, total), 0) // no features
	for i, column := range all {
		if i == texts {
			dst = lib0.AppendUvarint(dst, uint64(len(head)+len(e.text.all)+len(units)))
			dst = append(append(append(dst, head...), e.text.all...), units...)
			continue
		}
		dst = lib0.AppendVarBytes(dst, column)
	}
	return append(dst, e.rest...)
}

// Begin begins the section of a client, in which so many structs follow, the first one at
// clock.
func (e *Encoder) Begin(client, clock uint64, structs int) {
	e.rest = lib0.AppendUvarint(e.rest, uint64(structs))
	e.client.write(client)
	e.rest = lib0.AppendUvarint(e.rest, clock)
	e.cost.begin(clock, structs)
}

// Write writes a struct from its unit skip on. If skip is not 0, the origin is the unit
// before. An error means that the content of w is malformed.
func (e *Encoder) Write(w *codec.Struct, skip uint64) error {
	info := w.Info
	e.cost.add(w)
	if skip > 0 && w.Kind.IsItem() {
		info |= codec.InfoOrigin
	}
	e.info.write(info)
	switch w.Kind {
	case codec.KindGC:
		e.length.write(w.Length - skip)
		return nil
	case codec.KindSkip:
		e.rest = lib0.AppendUvarint(e.rest, w.Length-skip)
		return nil
	}
	switch {
	case skip > 0:
		e.client.write(w.Client)
		e.leftClock.write(w.Clock + skip - 1)
	case w.HasOrigin():
		e.client.write(w.Origin.Client)
		e.leftClock.write(w.Origin.Clock)
	}
	if w.HasRightOrigin() {
		e.client.write(w.RightOrigin.Client)
		e.rightClock.write(w.RightOrigin.Clock)
	}
	if w.HasParent() && skip == 0 {
		if w.InRoot {
			e.parentInfo.write(1)
			e.text.write(w.Root)
		} else {
			e.parentInfo.write(0)
			e.client.write(w.Parent.Client)
			e.leftClock.write(w.Parent.Clock)
		}
		if w.HasKey() {
			e.text.write(w.Key)
		}
	}
	return e.writeContent(w, skip)
}

func (e *Encoder) writeContent(w *codec.Struct, skip uint64) (err error) {
	content := w.Content
	switch w.Kind {
	case codec.KindDeleted:
		e.length.write(w.Length - skip)
		return nil
	case codec.KindString:
		e.text.writeFrom(content, w.Length, skip)
		return nil
	case codec.KindType:
		e.shape.write(uint64(w.Shape))
		if codec.ShapeHasName(w.Shape) {
			e.writeKey(w.Name)
		}
		return nil
	case codec.KindJSON, codec.KindAny:
		e.length.write(w.Length - skip)
		content = content[codec.ElementOffset(w.Kind, content, skip):]
	}
	if w.Kind == codec.KindAny || w.Kind == codec.KindBinary {
		e.rest = append(e.rest, content...)
		return nil
	}
	r := lib0.NewReader(content)
	if w.Kind == codec.KindJSON {
		for r.Len() > 0 {
			text, err := r.VarBytes()
			if err != nil {
				return err
			}
			e.text.write(text)
		}
		return nil
	}
	text, err := r.VarBytes()
	if err != nil {
		return err
	}
	switch w.Kind {
	case codec.KindDoc:
		e.text.write(text)
		e.rest = append(e.rest, r.Rest()...)
		return nil
	case codec.KindFormat:
		e.writeKey(text)
		if text, err = r.VarBytes(); err != nil {
			return err
		}
	}
	e.rest, err = e.values.Append(e.rest, text) // the value of a Format or Embed
	return err
}

// writeKey writes a format key or node name. A number would allow a reader to refer to an
// earlier key; Yjs never does that and always writes the next number.
func (e *Encoder) writeKey(b []byte) {
	e.keyClock.write(e.keys)
	e.keys++
	e.text.write(b)
}
