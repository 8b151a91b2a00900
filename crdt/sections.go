package crdt

import "weft/crdt/lib0"

// sections is the structs of an update (V1) being written. The number of sections, and
// of structs in each, stand in front of what they count: room is left there, and what
// follows moves up once the number is known.
type sectionWriter struct {
	dst   []byte
	count int // of sections that ended

	client  uint64
	structs int // of this section so far
	begun   int // where it begins in dst
	gc      int // where the struct last written begins, if that is a GC; else 0
	units   uint64
}

// countRoom is enough for any uvarint.
const maxUvarintLen = 10

// newSections expects to write about size bytes.
func newSectionWriter(size int) sectionWriter {
	return sectionWriter{dst: make([]byte, maxUvarintLen, maxUvarintLen+size+16)}
}

// begin makes what is written from now on the structs of client. Without any, the
// section leaves no trace.
func (o *sectionWriter) beginClient(client uint64) {
	o.endSection()
	o.client = client
}

func (o *sectionWriter) endSection() {
	if o.structs == 0 {
		return
	}
	head := lib0.AppendUvarint(o.dst[:o.begun], uint64(o.structs))
	n := copy(o.dst[len(head):], o.dst[o.begun+maxUvarintLen:])
	o.dst = o.dst[:len(head)+n]
	o.count++
	o.structs, o.gc = 0, 0
}

// add counts structs, of which the first one begins at clock.
func (o *sectionWriter) countStructs(structs int, clock uint64) {
	if o.structs == 0 {
		o.begun = len(o.dst)
		o.dst = appendID(append(o.dst, make([]byte, maxUvarintLen)...), o.client, clock)
	}
	o.structs += structs
	o.gc = 0
}

// write writes a struct from its unit skip on.
func (o *sectionWriter) write(w *wire, skip uint64) {
	o.countStructs(1, w.clock+skip)
	at := len(o.dst)
	o.dst = w.append(o.dst, skip)
	o.clearKeyFlag(w, at)
}

// copy writes a struct as it was read.
func (o *sectionWriter) writeRaw(w *wire, raw []byte) {
	o.countStructs(1, w.clock)
	at := len(o.dst)
	o.dst = append(o.dst, raw...)
	o.clearKeyFlag(w, at)
}

// unkey takes infoKey from a struct at offset at whose key was not on the wire, as Yjs
// does: there it says nothing.
func (o *sectionWriter) clearKeyFlag(w *wire, at int) {
	if w.omitsKey() {
		o.dst[at] &^= infoKey
	}
}

// keyed tells whether a struct belongs to a key that it does not name.
func (w *wire) omitsKey() bool { return w.info&infoKey != 0 && !w.hasParent() }

// skip writes a Skip.
func (o *sectionWriter) writeSkip(clock, units uint64) {
	o.countStructs(1, clock)
	o.dst = lib0.AppendUvarint(append(o.dst, byte(kindSkip)), units)
}

// joinGC writes a GC, or makes the one just written longer.
func (o *sectionWriter) writeGC(clock, units uint64) {
	at := o.gc
	if at > 0 {
		units += o.units
		o.dst = o.dst[:at]
	} else {
		o.countStructs(1, clock)
		at = len(o.dst)
	}
	o.dst = lib0.AppendUvarint(append(o.dst, byte(kindGC)), units)
	o.gc, o.units = at, units
}

// bytes is all that was written; the delete set goes behind it.
func (o *sectionWriter) bytes() []byte {
	o.endSection()
	from := maxUvarintLen - lib0.UvarintLen(uint64(o.count))
	lib0.AppendUvarint(o.dst[from:from], uint64(o.count))
	return o.dst[from:]
}
