package v2

import (
	"bytes"

	"weft/crdt/internal/codec"
)

// The cost model. A few bytes of update V2 can stand for any number of structs, since the
// last run of a column never ends. The decoder therefore adds up what an update would
// cost to take in, and refuses an update whose cost exceeds an allowance that grows with
// its size. The encoder counts its own output by the same rules. If readers would refuse
// the output, it is padded: readers ignore bytes at the end of a column.
//
// Costs are bytes of memory allocated while the update is applied, estimated and rather
// too high than too low.
const (
	allowPerByte = 60            // for each byte of an update V2
	allowFree    = 1<<20 - 1<<16 // for every update

	costSection = 800 // a client: its log, its source and its tables
	costStruct  = 72  // an item and its places in a log and a table
	costSplit   = 100 // an origin that may split an item in two
	costRoot    = 450 // a root type seen first
	costKey     = 280 // a map key
	costType    = 200 // a nested type
	costRange   = 110 // a range of the delete set; its two bytes pay for slightly more
	costNumber  = 120 // a format key kept because it may be referred to by number

	// Additional costs where the update is applied to a document that holds other content,
	// so that items of the document may be split.
	costSplitOther = 80 // an origin that may split an item
	costSplitRange = 60 // a range of the delete set that may split an item into three
)

// allowance returns the cost that an update V2 of size bytes may have.
func allowance(size int) int { return allowFree + allowPerByte*size }

// costOf returns the cost of a struct: the item, its form in V1 and two copies of its
// content. The root that the struct may name is not included (see costOfRoot).
func costOf(w *codec.Struct) int {
	if w.Kind == codec.KindSkip {
		return 2 * codec.MaxUvarintLen
	}
	n := costStruct + w.MaxSize() + 2*len(w.Content)
	if w.Kind == codec.KindEmbed || w.Kind == codec.KindFormat {
		n += 4 * len(w.Content) // the JSON text takes room while it is made
	}
	if w.HasKey() {
		n += costKey + 4*len(w.Key)
	}
	if w.Kind == codec.KindType {
		n += costType + 4*len(w.Name)
	}
	return n
}

func costOfRoot(name []byte) int { return costRoot + 4*len(name) }

// meter adds up the cost of an update, struct by struct.
type meter struct {
	sum      int
	sections int
	splits   int    // origins that may split an item
	ranges   int    // of the delete set
	start    uint64 // clock at which the current section begins
	hasRuns  bool   // the current section has structs of several units, which can be split
	partial  bool   // not a whole state: a section begins after clock 0, is empty or has a Skip
	root     []byte // name of the root that was named last
}

// begin begins a section.
func (m *meter) begin(clock uint64, structs int) {
	m.sum += costSection
	m.sections++
	m.start, m.hasRuns = clock, false
	m.partial = m.partial || clock > 0 || structs == 0
}

// add adds a struct to the current section.
func (m *meter) add(w *codec.Struct) {
	splits := 0
	if w.HasOrigin() {
		splits += m.maySplit(w, w.Origin)
	}
	if w.HasRightOrigin() {
		splits += m.maySplit(w, w.RightOrigin)
	}
	m.splits += splits
	m.sum += costSplit*splits + costOf(w)
	m.hasRuns = m.hasRuns || w.Length > 1
	m.partial = m.partial || w.Kind == codec.KindSkip
	if !w.HasParent() || !w.InRoot {
		return
	}
	if same := bytes.Equal(m.root, w.Root) && len(m.root) > 0; !same {
		m.sum += costOfRoot(w.Root)
		m.root = append(m.root[:0], w.Root...)
	}
}

// maySplit returns 1 if an item may be split at the unit id, on which w depends, else 0.
func (m *meter) maySplit(w *codec.Struct, id codec.ID) int {
	if id.Client != w.Client || id.Clock < m.start || m.hasRuns && id.Clock+1 != w.Clock {
		return 1
	}
	return 0
}

// delete adds the ranges of the delete set.
func (m *meter) delete(ranges int) {
	m.ranges = ranges
	m.sum += costRange * ranges
}

// total returns the cost of applying everything added so far: a whole state to an empty
// document, anything else to a document with other content.
func (m *meter) total() int {
	if m.partial || m.sections == 0 {
		return m.sum + costSplitOther*m.splits + costSplitRange*m.ranges
	}
	return m.sum
}
