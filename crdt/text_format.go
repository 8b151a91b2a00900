package crdt

import (
	"bytes"

	"weft/crdt/lib0"
)

// This file edits formatted text as Yjs does (src/types/YText.js). Formatting is stored
// in the list itself, as invisible items called format marks. A mark says "from here on,
// bold is true"; a later mark sets bold back to its value before. So:
//
//   - An insertion with attributes writes opening marks for those attributes that are not
//     in force, then its content, then closing marks with the former values.
//   - Format writes opening marks at the start of its range, deletes contradicting marks
//     inside, and writes closing marks at the end.
//
// Concurrent edits can leave redundant marks, which set an attribute to the value that it
// already has. Browsers remove these later (cleanupYTextFormatting). This package leaves
// that to them, so that all replicas on servers stay equal byte for byte.

// writeMark writes the mark m to the right of p and moves p behind it.
func (w *writer) writeMark(p *listPosition, m mark) {
	b := lib0.AppendVarBytes(nil, []byte(m.key))
	b = lib0.AppendVarBytes(b, []byte(m.value))
	p.right = w.insertBetween(p.left, p.right, &content{kind: kindFormat, length: 1, data: b})
	w.s.advance(p)
	w.tx.doc.markers.afterFormat(w.t, p.index)
}

// checkMarksSize returns ErrTooLarge if the document cannot grow by an opening and a
// closing mark for each of m.
func (w *writer) checkMarksSize(m marks) error {
	bytes := 0
	for _, a := range m {
		bytes += 2*len(a.key) + len(a.value) + 20
	}
	return w.tx.doc.checkCapacity(bytes, uint64(2*len(m)))
}

// insertText writes c at p with exactly the wanted marks and moves p behind c and its
// closing marks (Yjs: insertText).
func (w *writer) insertText(p *listPosition, c *content, wanted marks) error {
	if err := w.checkMarksSize(append(wanted[:len(wanted):len(wanted)], p.marks...)); err != nil {
		return err
	}
	for _, m := range p.marks {
		if wanted.find(m.key) < 0 {
			wanted = wanted.set(m.key, null)
		}
	}
	w.skipEqual(p, wanted)
	negated := w.openMarks(p, append(marks(nil), wanted...).sorted())
	w.tx.doc.markers.afterInsert(w.t, p.index, int(c.length))
	r := w.insertBetween(p.left, p.right, c)
	p.left, p.index = r, p.index+int(c.length)
	w.closeMarks(p, negated)
	return nil
}

// skipEqual moves p over items that do not affect the wanted marks: deleted items, and
// marks that set a wanted value (Yjs: minimizeAttributeChanges).
func (w *writer) skipEqual(p *listPosition, wanted marks) {
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
		s.advance(p)
	}
}

// openMarks writes those wanted marks that are not in force at p. It returns the marks
// that will close them, which hold the values in force before (Yjs: insertAttributes).
func (w *writer) openMarks(p *listPosition, wanted marks) (negated marks) {
	for _, m := range wanted {
		if current := p.marks.get(m.key); !sameValue(current, m.value) {
			negated = negated.set(m.key, current)
			w.writeMark(p, m)
		}
	}
	return negated
}

// closeMarks writes the negated marks, except those that marks right behind p set anyway
// (Yjs: insertNegatedAttributes).
func (w *writer) closeMarks(p *listPosition, negated marks) {
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
		s.advance(p)
	}
	for _, m := range negated {
		w.writeMark(p, m)
	}
}

// formatText sets marks on the next length units and moves p behind them (Yjs:
// formatText). If the list ends before that, it appends line breaks: Quill treats every
// text as if it ended with a line break that the document does not store.
//
// The loop continues behind the range, with length 0, as long as negated marks remain
// and the next item is deleted or a mark: such a mark may make a closing mark unnecessary.
func (w *writer) formatText(p *listPosition, length int, wanted marks) error {
	s := w.s
	w.skipEqual(p, wanted)
	negated := w.openMarks(p, wanted)
	for p.right != 0 {
		if s.deleted(p.right) {
			if length <= 0 && len(negated) == 0 {
				break
			}
			s.advance(p)
			continue
		}
		isFormat := s.kindOf(p.right) == kindFormat
		if length <= 0 && (len(negated) == 0 || !isFormat) {
			break
		}
		if !isFormat {
			if units := s.units(p.right); length < units {
				w.splitAfter(p, length)
				length = 0
			} else {
				length -= units
				s.advance(p)
			}
			continue
		}
		k, v := s.formatOf(p.right)
		key, value := string(k), string(v)
		if i := wanted.find(key); i >= 0 {
			if sameValue(wanted[i].value, value) {
				negated = negated.without(key)
			} else if length == 0 {
				break // this mark belongs to the text behind the range: keep it
			} else {
				negated = negated.set(key, value)
			}
			w.tx.delete(p.right)
			w.tx.doc.markers.afterFormat(w.t, p.index)
		}
		s.advance(p)
	}
	if length > 0 {
		if err := w.appendLineBreaks(p, length); err != nil {
			return err
		}
	}
	w.closeMarks(p, negated)
	return nil
}

// appendLineBreaks writes n line breaks at p, the end of the list.
func (w *writer) appendLineBreaks(p *listPosition, n int) error {
	if n > maxBytes {
		return ErrTooLarge
	}
	c := content{kind: kindString, length: uint64(n)}
	if err := w.tx.doc.checkCapacity(n, uint64(n)); err != nil {
		return err
	}
	c.data = bytes.Repeat([]byte{'\n'}, n)
	w.tx.doc.markers.afterInsert(w.t, p.index, n)
	p.left = w.insertBetween(p.left, p.right, &c)
	p.index += n
	return nil
}

// deleteText deletes the next length units and the marks that become redundant by that;
// p moves to the end of the deleted range (Yjs: deleteText). The caller has checked that
// the list has length more units.
func (w *writer) deleteText(p *listPosition, length int) {
	before, start := p.marks, p.right
	w.deleteUnits(p, length)
	w.deleteRedundantMarks(start, p, before)
}

// deleteRedundantMarks deletes redundant marks between start and the next visible unit
// (Yjs: cleanupFormattingGap). A mark is redundant if a later mark of this stretch sets
// the same key, or if it sets the value in force before the stretch, which is in before.
// p stands within the stretch; p.marks is updated to the marks in force at p.
func (w *writer) deleteRedundantMarks(start ref, p *listPosition, before marks) {
	s := w.s
	last := map[string]ref{} // the last mark of each key in the stretch
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
	reached := false // r is at or behind p
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
		w.tx.doc.markers.afterFormat(w.t, p.index)
		if !reached && p.marks.get(key) == value && !sameValue(was, value) {
			p.marks = p.marks.afterMark([]byte(key), []byte(was))
		}
	}
}
