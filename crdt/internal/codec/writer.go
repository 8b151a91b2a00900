package codec

import "weft/crdt/lib0"

// SectionWriter encodes the structs of an update (V1), one client section after another.
// The count of sections, and the count of structs in each, precede what they count and are
// known only at the end. So the writer leaves space for the longest uvarint, and moves the
// bytes behind it back once the count is known.
type SectionWriter struct {
	dst   []byte
	count int // finished sections

	// The current section.
	client  uint64
	structs int    // written so far
	begun   int    // its offset in dst
	gc      int    // offset of the struct written last, if that is a GC; else 0
	units   uint64 // length of that GC
}

// NewSectionWriter returns a writer with capacity for about size bytes.
func NewSectionWriter(size int) SectionWriter {
	return SectionWriter{dst: make([]byte, MaxUvarintLen, MaxUvarintLen+size+16)}
}

// Begin starts the section of client. A section without structs is not written.
func (o *SectionWriter) Begin(client uint64) {
	o.endSection()
	o.client = client
}

// IsEmpty reports whether the current section has no structs yet.
func (o *SectionWriter) IsEmpty() bool { return o.structs == 0 }

// endSection writes the struct count of the current section, if it has structs.
func (o *SectionWriter) endSection() {
	if o.structs == 0 {
		return
	}
	head := lib0.AppendUvarint(o.dst[:o.begun], uint64(o.structs))
	n := copy(o.dst[len(head):], o.dst[o.begun+MaxUvarintLen:])
	o.dst = o.dst[:len(head)+n]
	o.count++
	o.structs, o.gc = 0, 0
}

// countStructs adds to the struct count of the section. The first call writes the section's
// header, for which clock is that of the first struct.
func (o *SectionWriter) countStructs(structs int, clock uint64) {
	if o.structs == 0 {
		o.begun = len(o.dst)
		o.dst = AppendID(append(o.dst, make([]byte, MaxUvarintLen)...), o.client, clock)
	}
	o.structs += structs
	o.gc = 0
}

// Write writes a struct, except its first skip units.
func (o *SectionWriter) Write(w *Struct, skip uint64) {
	o.countStructs(1, w.Clock+skip)
	at := len(o.dst)
	o.dst = w.Append(o.dst, skip)
	o.clearKeyFlag(w, at)
}

// WriteRaw writes a struct by copying the bytes that it was read from.
func (o *SectionWriter) WriteRaw(w *Struct, raw []byte) {
	o.countStructs(1, w.Clock)
	at := len(o.dst)
	o.dst = append(o.dst, raw...)
	o.clearKeyFlag(w, at)
}

// clearKeyFlag clears InfoKey of the struct at offset at if the struct names no key, as Yjs
// does.
func (o *SectionWriter) clearKeyFlag(w *Struct, at int) {
	if w.OmitsKey() {
		o.dst[at] &^= InfoKey
	}
}

// writeSkip writes a Skip of the given length.
func (o *SectionWriter) writeSkip(clock, units uint64) {
	o.countStructs(1, clock)
	o.dst = lib0.AppendUvarint(append(o.dst, byte(KindSkip)), units)
}

// writeGC writes a GC, or extends the struct written last if that is a GC too.
func (o *SectionWriter) writeGC(clock, units uint64) {
	at := o.gc
	if at > 0 {
		units += o.units
		o.dst = o.dst[:at]
	} else {
		o.countStructs(1, clock)
		at = len(o.dst)
	}
	o.dst = lib0.AppendUvarint(append(o.dst, byte(KindGC)), units)
	o.gc, o.units = at, units
}

// Bytes returns the encoded sections with their count in front. The caller appends the
// delete set.
func (o *SectionWriter) Bytes() []byte {
	o.endSection()
	from := MaxUvarintLen - lib0.UvarintLen(uint64(o.count))
	lib0.AppendUvarint(o.dst[from:from], uint64(o.count))
	return o.dst[from:]
}
