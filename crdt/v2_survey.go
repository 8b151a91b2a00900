package crdt

import (
	"bytes"
	"math"

	"weft/crdt/lib0"
)

// A few bytes of update V2 can stand for any number of structs, as runs do not end. So
// an update is read twice: first to check all of it and to find what it stands for, which
// must not be more than a sender has paid for in bytes; then to take it in. What a
// document costs is counted by the same rules when it is written, and padded if others
// could not tell it from an attack: readers ignore bytes at the end of a column.
//
// Costs are what is allocated, in bytes, roughly and rather too high.
const (
	allowPerByte = 60 // for each byte of an update V2,
	allowFree    = 1<<20 - 1<<16

	costSection = 800 // a client: its log, sources and tables
	costStruct  = 72  // an item and its places in log and table
	costCut     = 100 // an origin that may cut an item in two,
	costDeepCut = 80  // and more where that is not of the same, whole state
	costRoot    = 450
	costKey     = 280
	costType    = 200
	costRange   = 110 // of the delete set; less than its two bytes pay for,
	costRangeIn = 60  // and more where it cuts an item in three
	costNumber  = 120 // a key kept for its number
)

// allowance is what an update V2 of so many bytes may cost.
func allowance(size int) int { return allowFree + allowPerByte*size }

// cost is that of a struct, with its form in V1 and two copies of its content. sameRoot
// tells that it is not the first one of its root.
func (w *wire) cost(sameRoot bool) int {
	if w.kind == kindSkip {
		return 2 * maxUvarintLen
	}
	n := costStruct + w.bound() + 2*len(w.content)
	if w.kind == kindEmbed || w.kind == kindFormat {
		n += 4 * len(w.content) // JSON takes room while it is made
	}
	if w.hasParent() && w.rooted && !sameRoot {
		n += costRoot + 4*len(w.root)
	}
	if w.hasKey() {
		n += costKey + 4*len(w.key)
	}
	if w.kind == kindType {
		n += costType + 4*len(w.name)
	}
	return n
}

// meter adds up costs.
type meter struct {
	sum      int
	sections int
	cuts     int    // items that may be cut
	ranges   int    // of the delete set
	start    uint64 // clock at which the section begins
	long     bool   // it has structs of several units, which can be cut
	parts    bool   // it is not a whole state: a section begins late or has a Skip
	root     []byte // that was named last
}

// begin begins a section.
func (m *meter) begin(clock uint64, structs int) {
	m.sum += costSection
	m.sections++
	m.start, m.long = clock, false
	m.parts = m.parts || clock > 0 || structs == 0
}

// delete ends the update with so many ranges of deletes.
func (m *meter) delete(ranges int) {
	m.ranges = ranges
	m.sum += costRange * ranges
}

// mayCut is 1 if an item may be cut at a unit that w builds on.
func (m *meter) mayCut(w *wire, id ID) int {
	if id.Client != w.client || id.Clock < m.start || m.long && id.Clock+1 != w.clock {
		return 1
	}
	return 0
}

// total is the cost of applying what was added to a document that is not empty, or to an
// empty one, if it is a whole state.
func (m *meter) total() int {
	if m.parts || m.sections == 0 {
		return m.sum + costDeepCut*m.cuts + costRangeIn*m.ranges
	}
	return m.sum
}

func (m *meter) add(w *wire) {
	cuts := 0
	if w.hasOrigin() {
		cuts += m.mayCut(w, w.origin)
	}
	if w.hasRightOrigin() {
		cuts += m.mayCut(w, w.rightOrigin)
	}
	m.cuts += cuts
	m.sum += costCut * cuts
	m.long = m.long || w.length > 1
	m.parts = m.parts || w.kind == kindSkip
	if !w.hasParent() || !w.rooted {
		m.sum += w.cost(true)
		return
	}
	same := bytes.Equal(m.root, w.root) && len(m.root) > 0
	m.sum += w.cost(same)
	if !same {
		m.root = append(m.root[:0], w.root...)
	}
}

// bound is no less than the bytes that append writes.
func (w *wire) bound() int {
	n := 1 + 5 + len(w.content) // the length is at most 2^32
	if !w.kind.isItem() {
		return n
	}
	if w.hasOrigin() {
		n += lib0.UvarintLen(w.origin.Client) + lib0.UvarintLen(w.origin.Clock)
	}
	if w.hasRightOrigin() {
		n += lib0.UvarintLen(w.rightOrigin.Client) + lib0.UvarintLen(w.rightOrigin.Clock)
	}
	if w.hasParent() {
		n++
		if w.rooted {
			n += 5 + len(w.root)
		} else {
			n += lib0.UvarintLen(w.parent.Client) + lib0.UvarintLen(w.parent.Clock)
		}
		if w.hasKey() {
			n += 5 + len(w.key)
		}
	}
	if w.kind == kindType {
		n += 5 + len(w.name)
	}
	return n
}

// survey is what an update V2 stands for.
type survey struct {
	sections, structs int
	content           int  // bytes of it, in all structs
	bound             int  // bytes in V1, at most
	whole             bool // no section begins late, is empty or has a Skip
	cost, cuts        int
	clients           []uint64
	deletes           deleteSet // as they came
}

// purpose is what a survey is for.
type purpose int

const (
	toApply   purpose = iota
	toConvert         // costs the bytes of V1
	toMerge           // and those of what is made of them
	toTrust           // costs nothing
)

// survey reads and checks all of an update.
func (c *columnsIn) survey(update []byte, why purpose) (s survey, err error) {
	s, err = c.surveyOnce(update, why)
	if err == errKeyAgain { //nolint:errorlint // ours, never wrapped
		c.keepKeys = true
		s, err = c.surveyOnce(update, why)
	}
	if err != nil {
		return s, &MalformedError{"update V2", len(update) - c.rest.Len(), err}
	}
	return s, nil
}

func (c *columnsIn) surveyOnce(update []byte, why purpose) (s survey, err error) {
	if err := c.open(update); err != nil {
		return s, err
	}
	if s.sections, err = c.rest.Count(2); err != nil {
		return s, err
	}
	var m meter
	most := allowance(len(update)) - c.used
	if why == toTrust {
		most = math.MaxInt
	}
	s.whole, s.bound = true, 4*maxUvarintLen
	var w wire
	for range s.sections {
		n, client, clock, err := c.begin()
		if err != nil {
			return s, err
		}
		if m.begin(clock, 1); m.sum > most || n > uint64(most-m.sum) {
			return s, ErrTooDense
		}
		s.whole = s.whole && n > 0 && clock == 0
		s.clients = append(s.clients, client)
		s.structs += int(n)
		s.bound += 3 * maxUvarintLen
		for ; n > 0; n-- {
			if err := c.read(&w, client, clock); err != nil {
				return s, err
			}
			switch why {
			case toApply:
				m.add(&w)
			case toConvert:
				m.sum += w.bound()
			case toMerge:
				m.sum += 4 * w.bound()
			}
			if c.keepKeys {
				m.sum += costNumber
			}
			if m.sum > most {
				return s, ErrTooDense
			}
			s.whole = s.whole && w.kind != kindSkip
			s.content += len(w.content)
			s.bound += w.bound()
			clock = w.end()
		}
	}
	if hasDuplicateClient(s.clients) {
		return s, ErrClientTwice
	}
	s.deletes, err = readDeleteSteps(&c.rest, make(deleteSet, 0, min(c.rest.Len()/2, (most-m.sum)/costRange)))
	switch {
	case err != nil:
		return s, err
	case c.rest.Len() > 0:
		return s, ErrTrailing
	case m.sum+costRange*len(s.deletes) > most:
		return s, ErrTooDense
	}
	s.bound += 3 * maxUvarintLen * len(s.deletes)
	c.used += max(0, m.sum-allowPerByte*len(update))
	s.cost, s.cuts = m.sum+costRange*len(s.deletes), m.cuts
	return s, nil
}
