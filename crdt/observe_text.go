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
	w.endOp()
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

	current, old marks // attributes in force at this place
	changed      marks // attributes whose value differs here, by what it is now; null: none

	action   action // what the operation at hand does, and to how much
	inserted strings.Builder
	retained int
	deleted  int
}

type action int

const (
	actionNone action = iota
	actionInsert
	actionRetain
	actionDelete
)

// begin ends the operation at hand unless it does the same.
func (w *deltaWriter) startOp(a action) {
	if w.action != a {
		w.endOp()
		w.action = a
	}
}

// flush ends the operation at hand.
func (w *deltaWriter) endOp() {
	switch {
	case w.action == actionInsert && w.inserted.Len() > 0:
		w.delta = append(w.delta, Op{Insert: w.inserted.String(), Attributes: w.current.attributes()})
		w.inserted.Reset()
	case w.action == actionRetain && w.retained > 0:
		w.delta = append(w.delta, Op{Retain: w.retained, Attributes: w.changed.attributes()})
		w.retained = 0
	case w.action == actionDelete && w.deleted > 0:
		w.delta = append(w.delta, Op{Delete: w.deleted})
		w.deleted = 0
	}
	w.action = actionNone
}

func (w *deltaWriter) content(r ref) {
	s, tx := w.s, w.c.tx
	adds, deletes := tx.adds(r), tx.deletes(r)
	switch {
	case adds && !deletes && !s.deleted(r):
		if s.kindOf(r) == kindString {
			w.startOp(actionInsert)
			w.inserted.Write(s.raw(r))
			return
		}
		w.endOp()
		w.delta = append(w.delta, Op{Insert: s.embed(tx.doc, r), Attributes: w.current.attributes()})
	case adds:
	case deletes:
		w.startOp(actionDelete)
		w.deleted += s.units(r)
	case !s.deleted(r):
		w.startOp(actionRetain)
		w.retained += s.units(r)
	}
}

// format takes note of a mark. Attributes change from here on if it is new, or gone, or
// if it was hidden by one that is.
func (w *deltaWriter) format(r ref) {
	s, tx := w.s, w.c.tx
	k, v := s.formatOf(r)
	key, value := string(k), string(v)
	now := w.current.get(key)
	switch {
	case tx.adds(r):
		switch {
		case tx.deletes(r):
		case !sameValue(now, value):
			w.endRetain()
			if sameValue(value, w.old.get(key)) {
				w.changed = w.changed.without(key)
			} else {
				w.changed = w.changed.set(key, value)
			}
		case value != null:
			return // says nothing new
		}
	case tx.deletes(r):
		w.old = w.old.set(key, value)
		if !sameValue(now, value) {
			w.endRetain()
			w.changed = w.changed.set(key, now)
		}
	case !s.deleted(r):
		w.old = w.old.set(key, value)
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
		if w.action == actionInsert {
			w.endOp()
		}
		w.current = w.current.afterMark(k, v)
	}
}

func (w *deltaWriter) endRetain() {
	if w.action == actionRetain {
		w.endOp()
	}
}
