package crdt

import "weft/crdt/lib0"

// sectionWriter encodes the structs of an update (V1), one client section after another.
// The count of sections, and the count of structs in each, precede what they count and are
// known only at the end. So the writer leaves space for the longest uvarint, and moves the
// bytes behind it back once the count is known.
type sectionWriter struct {
	dst   []byte
	count int // finished sections

	// The current section.
	client  uint64
	structs int    // written so far
	begun   int    // its offset in dst
	gc      int    // offset of the struct written last, if that is a GC; else 0
	units   uint64 // length of that GC
}

// maxUvarintLen is the length in bytes of the longest uvarint of 64 bits.
const maxUvarintLen = 10

// newSectionWriter returns a writer with capacity for about size bytes.
func newSectionWriter(size int) sectionWriter {
	return sectionWriter{dst: make([]byte, maxUvarintLen, maxUvarintLen+size+16)}
}

// beginClient starts the section of client. A section without structs is not written.
func (o *sectionWriter) beginClient(client uint64) {
	o.endSection()
	o.client = client
}

// endSection writes the struct count of the current section, if it has structs.
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

// countStructs adds to the struct count of the section. The first call writes the section's
// header, for which clock is that of the first struct.
func (o *sectionWriter) countStructs(structs int, clock uint64) {
	if o.structs == 0 {
		o.begun = len(o.dst)
		o.dst = appendID(append(o.dst, make([]byte, maxUvarintLen)...), o.client, clock)
	}
	o.structs += structs
	o.gc = 0
}

// write writes a struct, except its first skip units.
func (o *sectionWriter) write(w *wire, skip uint64) {
	o.countStructs(1, w.clock+skip)
	at := len(o.dst)
	o.dst = w.append(o.dst, skip)
	o.clearKeyFlag(w, at)
}

// writeRaw writes a struct by copying the bytes that it was read from.
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

// writeSkip writes a Skip of the given length.
func (o *sectionWriter) writeSkip(clock, units uint64) {
	o.countStructs(1, clock)
	o.dst = lib0.AppendUvarint(append(o.dst, byte(kindSkip)), units)
}

// writeGC writes a GC, or extends the struct written last if that is a GC too.
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

// bytes returns the encoded sections with their count in front. The caller appends the
// delete set.
func (o *sectionWriter) bytes() []byte {
	o.endSection()
	from := maxUvarintLen - lib0.UvarintLen(uint64(o.count))
	lib0.AppendUvarint(o.dst[from:from], uint64(o.count))
	return o.dst[from:]
}
