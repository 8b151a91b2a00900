package crdt

import "strings"

// TextDelta is the change of a text: what was inserted with which attributes, what was
// deleted, and where attributes changed.
func (c *Change) TextDelta() Delta {
	if !c.list {
		return nil
	}
	w := deltaWriter{c: c, s: c.tx.store()}
	for r := w.s.listOf(c.t); r != 0; r = w.s.next(r) {
		switch w.s.kindOf(r) {
		case kindString, kindEmbed, kindType:
			w.content(r)
		case kindFormat:
			w.format(r)
		}
	}
	w.flush()
	for n := len(w.delta); n > 0 && w.delta[n-1].Retain > 0 && w.delta[n-1].Attributes == nil; n-- {
		w.delta = w.delta[:n-1]
	}
	return w.delta
}

// deltaWriter walks over a text as it is after a change and keeps two readings of its
// marks: as they are now and as they were.
type deltaWriter struct {
	c     *Change
	s     *store
	delta Delta

	now, was marks // attributes in force at this place
	changed  marks // attributes whose value differs here, by what it is now; null: none

	doing   action // what the operation at hand does, and to how much
	run     strings.Builder
	retain  int
	deleted int
}

type action int

const (
	doNothing action = iota
	doInsert
	doRetain
	doDelete
)

// begin ends the operation at hand unless it does the same.
func (w *deltaWriter) begin(a action) {
	if w.doing != a {
		w.flush()
		w.doing = a
	}
}

// flush ends the operation at hand.
func (w *deltaWriter) flush() {
	switch {
	case w.doing == doInsert && w.run.Len() > 0:
		w.delta = append(w.delta, Op{Insert: w.run.String(), Attributes: w.now.attributes()})
		w.run.Reset()
	case w.doing == doRetain && w.retain > 0:
		w.delta = append(w.delta, Op{Retain: w.retain, Attributes: w.changed.attributes()})
		w.retain = 0
	case w.doing == doDelete && w.deleted > 0:
		w.delta = append(w.delta, Op{Delete: w.deleted})
		w.deleted = 0
	}
	w.doing = doNothing
}

func (w *deltaWriter) content(r ref) {
	s, tx := w.s, w.c.tx
	adds, deletes := tx.adds(r), tx.deletes(r)
	switch {
	case adds && !deletes && !s.deleted(r):
		if s.kindOf(r) == kindString {
			w.begin(doInsert)
			w.run.Write(s.raw(r))
			return
		}
		w.flush()
		w.delta = append(w.delta, Op{Insert: s.embed(tx.doc, r), Attributes: w.now.attributes()})
	case adds:
	case deletes:
		w.begin(doDelete)
		w.deleted += s.units(r)
	case !s.deleted(r):
		w.begin(doRetain)
		w.retain += s.units(r)
	}
}

// format takes note of a mark. Attributes change from here on if it is new, or gone, or
// if it was hidden by one that is.
func (w *deltaWriter) format(r ref) {
	s, tx := w.s, w.c.tx
	k, v := s.formatOf(r)
	key, value := string(k), string(v)
	now := w.now.get(key)
	switch {
	case tx.adds(r):
		switch {
		case tx.deletes(r):
		case !sameValue(now, value):
			w.endRetain()
			if sameValue(value, w.was.get(key)) {
				w.changed = w.changed.without(key)
			} else {
				w.changed = w.changed.set(key, value)
			}
		case value != null:
			return // says nothing new
		}
	case tx.deletes(r):
		w.was = w.was.set(key, value)
		if !sameValue(now, value) {
			w.endRetain()
			w.changed = w.changed.set(key, now)
		}
	case !s.deleted(r):
		w.was = w.was.set(key, value)
		i := w.changed.find(key)
		if i < 0 {
			break
		}
		switch attr := w.changed[i].value; {
		case !sameValue(attr, value):
			w.endRetain()
			if value == null {
				w.changed = w.changed.without(key)
			} else {
				w.changed = w.changed.set(key, value)
			}
		case attr != null:
			return // says nothing new
		}
	}
	if !s.deleted(r) {
		if w.doing == doInsert {
			w.flush()
		}
		w.now = w.now.with(k, v)
	}
}

func (w *deltaWriter) endRetain() {
	if w.doing == doRetain {
		w.flush()
	}
}
