package crdt

import (
	"bytes"

	"weft/crdt/lib0"
)

// How formatted text is edited, as Yjs does it. Formatting lies in the list itself: an
// invisible item "from here on, bold is true", and further on one that sets bold back
// to what it was. So each insertion with attributes of its own opens those that are not
// in force and closes them behind, each Format opens at the start of its range, deletes
// the marks within that say otherwise, and closes at the end.
//
// A replica that receives other people's edits may find marks that say what is in force
// already. Browsers clean these up after a while; this package leaves that to them, so
// that all replicas on a server stay byte for byte alike.

// putFormat writes a mark to the right of p and steps over it.
func (w *writer) putFormat(p *gap, m mark) {
	b := lib0.AppendVarBytes(nil, []byte(m.key))
	b = lib0.AppendVarBytes(b, []byte(m.value))
	p.right = w.insertBetween(p.left, p.right, &content{kind: kindFormat, length: 1, data: b})
	w.s.forward(p)
	w.tx.doc.cursors.reformatted(w.t, p.index)
}

// roomForMarks tells whether there is room to open and close these.
func (w *writer) checkMarksSize(m marks) error {
	bytes := 0
	for _, a := range m {
		bytes += 2*len(a.key) + len(a.value) + 20
	}
	return w.tx.doc.mayWrite(bytes, uint64(2*len(m)))
}

// insertText writes c at p with the wanted marks and no others, and moves p behind it.
func (w *writer) insertText(p *gap, c *content, wanted marks) error {
	if err := w.checkMarksSize(append(wanted[:len(wanted):len(wanted)], p.marks...)); err != nil {
		return err
	}
	for _, m := range p.marks {
		if wanted.find(m.key) < 0 {
			wanted = wanted.set(m.key, null)
		}
	}
	w.skipEqual(p, wanted)
	negated := w.open(p, append(marks(nil), wanted...).sorted())
	w.tx.doc.cursors.inserted(w.t, p.index, int(c.length))
	r := w.insertBetween(p.left, p.right, c)
	p.left, p.index = r, p.index+int(c.length)
	w.close(p, negated)
	return nil
}

// skipEqual steps over what changes nothing for the wanted marks: what is deleted, and
// marks that say the same.
func (w *writer) skipEqual(p *gap, wanted marks) {
	s := w.s
	for p.right != 0 {
		if !s.deleted(p.right) {
			if s.kindOf(p.right) != kindFormat {
				return
			}
			key, value := s.formatOf(p.right)
			if !sameValue(wanted.get(string(key)), string(value)) {
				return
			}
		}
		s.forward(p)
	}
}

// open writes the wanted marks that are not in force at p, and returns what will close
// them: what was in force.
func (w *writer) open(p *gap, wanted marks) (negated marks) {
	for _, m := range wanted {
		if now := p.marks.get(m.key); !sameValue(now, m.value) {
			negated = negated.set(m.key, now)
			w.putFormat(p, m)
		}
	}
	return negated
}

// close writes the negated marks, unless what follows sets them anyway.
func (w *writer) close(p *gap, negated marks) {
	s := w.s
	for p.right != 0 {
		if !s.deleted(p.right) {
			if s.kindOf(p.right) != kindFormat {
				break
			}
			key, value := s.formatOf(p.right)
			i := negated.find(string(key))
			if i < 0 || !sameValue(negated[i].value, string(value)) {
				break
			}
			negated = negated.without(string(key))
		}
		s.forward(p)
	}
	for _, m := range negated {
		w.putFormat(p, m)
	}
}

// formatText sets marks on the next length units and moves p behind them. Where the
// list ends before that, line breaks are added, as editors which end every text with
// one expect.
func (w *writer) formatText(p *gap, length int, wanted marks) error {
	s := w.s
	w.skipEqual(p, wanted)
	negated := w.open(p, wanted)
	for p.right != 0 {
		if s.deleted(p.right) {
			if length <= 0 && len(negated) == 0 {
				break
			}
			s.forward(p)
			continue
		}
		isFormat := s.kindOf(p.right) == kindFormat
		if length <= 0 && (len(negated) == 0 || !isFormat) {
			break
		}
		if !isFormat {
			if units := s.units(p.right); length < units {
				w.behind(p, length)
				length = 0
			} else {
				length -= units
				s.forward(p)
			}
			continue
		}
		k, v := s.formatOf(p.right)
		key, value := string(k), string(v)
		if i := wanted.find(key); i >= 0 {
			if sameValue(wanted[i].value, value) {
				negated = negated.without(key)
			} else if length == 0 {
				break // what is behind the range stays
			} else {
				negated = negated.set(key, value)
			}
			w.tx.delete(p.right)
			w.tx.doc.cursors.reformatted(w.t, p.index)
		}
		s.forward(p)
	}
	if length > 0 {
		if err := w.pad(p, length); err != nil {
			return err
		}
	}
	w.close(p, negated)
	return nil
}

// pad writes n line breaks.
func (w *writer) pad(p *gap, n int) error {
	if n > maxBytes {
		return ErrTooLarge
	}
	c := content{kind: kindString, length: uint64(n)}
	if err := w.tx.doc.mayWrite(n, uint64(n)); err != nil {
		return err
	}
	c.data = bytes.Repeat([]byte{'\n'}, n)
	w.tx.doc.cursors.inserted(w.t, p.index, n)
	p.left = w.insertBetween(p.left, p.right, &c)
	p.index += n
	return nil
}

// deleteText deletes the next length units, which are there, and the marks among them
// that then say nothing; p moves to the end of what is gone.
func (w *writer) deleteText(p *gap, length int) {
	before, start := p.marks, p.right
	w.deleteUnits(p, length)
	w.cleanGap(start, p, before)
}

// cleanGap deletes the marks that became pointless between start and the next visible
// unit: those that are overruled by a later one in the gap, and those that say what was
// in force before it. p is within the gap; its marks are kept right.
func (w *writer) cleanGap(start ref, p *gap, before marks) {
	s := w.s
	last := map[string]ref{} // the mark of each key that has the last word
	end := start
	for end != 0 && !s.visible(end) {
		if s.isLiveFormat(end) {
			key, _ := s.formatOf(end)
			last[string(key)] = end
		}
		end = s.next(end)
	}
	if len(last) == 0 {
		return
	}
	reached := false
	for r := start; r != end; r = s.next(r) {
		if r == p.right {
			reached = true
		}
		if !s.isLiveFormat(r) {
			continue
		}
		k, v := s.formatOf(r)
		key, value := string(k), string(v)
		was := before.get(key)
		if last[key] == r && !sameValue(was, value) {
			if !reached {
				p.marks = p.marks.afterMark(k, v)
			}
			continue
		}
		w.tx.delete(r)
		w.tx.doc.cursors.reformatted(w.t, p.index)
		if !reached && p.marks.get(key) == value && !sameValue(was, value) {
			p.marks = p.marks.afterMark([]byte(key), []byte(was))
		}
	}
}
