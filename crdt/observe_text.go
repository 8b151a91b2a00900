package crdt

import "strings"

// TextDelta returns the change of a text as a delta: inserts with their attributes,
// deletes, and retains with the attributes that changed; nil if the list did not change.
// The algorithm is that of Yjs (YTextEvent.delta), so that equal changes give equal deltas.
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

// deltaWriter walks over the items of a text after a change, deleted ones included. At each
// place it knows the attributes in force after the change and before it.
type deltaWriter struct {
	c     *Change
	s     *store
	delta Delta

	current, old marks // attributes in force at this place
	changed      marks // attributes that differ from old, with their current value; null: removed

	action   action          // kind of the operation that is being built
	inserted strings.Builder // its text
	retained int             // its length in UTF-16 units
	deleted  int             // its length in UTF-16 units
}

type action int

const (
	actionNone action = iota
	actionInsert
	actionRetain
	actionDelete
)

// startOp makes the operation being built one of kind a; it ends one of another kind.
func (w *deltaWriter) startOp(a action) {
	if w.action != a {
		w.endOp()
		w.action = a
	}
}

// endOp appends the operation being built, if any, to the delta.
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

// content adds an item with visible units: a string, an embed or a nested type.
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
	case adds: // created and deleted within the transaction
	case deletes:
		w.startOp(actionDelete)
		w.deleted += s.units(r)
	case !s.deleted(r):
		w.startOp(actionRetain)
		w.retained += s.units(r)
	}
}

// format adds a format mark. The attributes from here on differ from before if the mark
// is new, or was deleted, or if a new or deleted mark of the same key precedes it.
func (w *deltaWriter) format(r ref) {
	s, tx := w.s, w.c.tx
	k, v := s.formatOf(r)
	key, value := string(k), string(v)
	before := w.current.get(key) // the current value in front of the mark
	switch {
	case tx.adds(r):
		switch {
		case tx.deletes(r):
		case !sameValue(before, value):
			w.endRetain()
			if sameValue(value, w.old.get(key)) {
				w.changed = w.changed.without(key)
			} else {
				w.changed = w.changed.set(key, value)
			}
		case value != null:
			return // a redundant mark
		}
	case tx.deletes(r):
		w.old = w.old.set(key, value)
		if !sameValue(before, value) {
			w.endRetain()
			w.changed = w.changed.set(key, before)
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
			return // a redundant mark
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
