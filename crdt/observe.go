package crdt

import (
	"cmp"
	"slices"
	"sort"
)

// Observe has f called after each transaction that changed something, be it edits made
// here or an update that was applied: with the document as it is then. Nothing that f
// gets may be used after it returns. f may read the document, and must not change it:
// that is refused with ErrBusy. If f panics, the change stands, and the panic goes on to
// whoever made it.
//
// stop ends it, and may be called at any time. As long as nobody observes, it costs
// nothing.
func (d *Doc) Observe(f func(*Event)) (stop func()) {
	o := &eventObserver{f}
	d.observers = append(slices.Clip(d.observers), o)
	return func() {
		d.observers = slices.DeleteFunc(slices.Clone(d.observers), func(p *eventObserver) bool { return p == o })
	}
}

// OnUpdate has f called after each transaction that changed something, with the update
// (V1) of just this transaction: what to send to those who knew what was known before.
// For edits made here it is the one that Transact returns. The bytes are f's to keep.
// Else it is as Observe.
//
// An update that only waits for others changes nothing yet. Those that it waited for
// bring it along: then one update has all of it.
func (d *Doc) OnUpdate(f func(update []byte, local bool)) (stop func()) {
	l := &updateListener{f}
	d.listeners = append(slices.Clip(d.listeners), l)
	return func() {
		d.listeners = slices.DeleteFunc(slices.Clone(d.listeners), func(p *updateListener) bool { return p == l })
	}
}

type eventObserver struct{ f func(*Event) }

type updateListener struct{ f func([]byte, bool) }

// watched tells whether anybody wants to know of changes.
func (d *Doc) hasObservers() bool { return len(d.observers)+len(d.listeners) > 0 }

// commit ends a transaction, and tells of it. Observers come before content goes that
// was deleted, listeners after all is merged. The update is made for edits, and for who
// listens.
func (d *Doc) commit() (update []byte) {
	tx := &d.tx
	if !tx.changed() {
		tx.commit()
		return nothing()
	}
	if !tx.local && !d.hasObservers() {
		tx.commit()
		d.cursors.forget()
		return nil
	}
	busy := d.busy
	d.busy = true
	defer func() { d.busy = busy }()
	d.notifyObservers()
	if tx.local || len(d.listeners) > 0 {
		update = tx.encodeChange()
	}
	for _, l := range d.listeners {
		l.f(slices.Clone(update), tx.local)
	}
	return update
}

// tellObservers shows observers the change and ends the transaction, also when one of
// them panics.
func (d *Doc) notifyObservers() {
	if !d.tx.local {
		d.cursors.forget()
	}
	defer d.tx.commit()
	if len(d.observers) == 0 {
		return
	}
	e := d.tx.event()
	for _, o := range d.observers {
		o.f(e)
	}
}

// Event is what one transaction changed.
type Event struct {
	// Local is set for edits made here, not for an update that was applied.
	Local bool
	// Changes are the types whose list or map changed, those nearer to a root first. A
	// type that is new, or was deleted, is part of the change of its parent.
	Changes []*Change
}

// Change is what one transaction changed in one type. The document does not say whether
// a root is a text, an array or a map: ask for what you take it for.
type Change struct {
	Type Type
	// Path leads to the type from its root: the root's name, then for each step a key
	// (string) or an index (int).
	Path []any

	tx   *txn
	t    typeRef
	list bool
	keys []nameRef
}

// ListOp is one step of a change to a list: exactly one of the three is set.
type ListOp struct {
	Insert []any // elements
	Retain int   // elements that stay
	Delete int
}

// KeyAction says what happened to a key.
type KeyAction string

// What may happen to a key.
const (
	KeyAdded   KeyAction = "add"
	KeyUpdated KeyAction = "update"
	KeyDeleted KeyAction = "delete"
)

// KeyChange is what happened to one key. The new value, if any, is in the map.
type KeyChange struct {
	Action KeyAction
	Old    any // of an update or delete; what was in a nested type is gone already
}

// event works out what a transaction changed. It is about to be committed: nothing is
// dropped or merged yet.
func (tx *txn) event() *Event {
	s, d := tx.store(), tx.doc
	tx.deleted = sortSpans(tx.deleted)
	e := &Event{Local: tx.local}
	found := map[typeRef]*Change{}
	note := func(it *item) {
		if it.kind() == kindGC {
			return
		}
		t, key := s.parent(it.place), s.key(it.place)
		if owner := s.ownerOf(t); owner != 0 && (s.deleted(owner) || tx.adds(owner)) {
			return
		}
		c := found[t]
		if c == nil {
			c = &Change{Type: s.typeAt(d, t), Path: d.path(t), tx: tx, t: t}
			found[t] = c
			e.Changes = append(e.Changes, c)
		}
		if key == 0 {
			c.list = true
		} else if !slices.Contains(c.keys, key) {
			c.keys = append(c.keys, key)
		}
	}
	visit := func(c clientRef, from, to uint32) {
		log := &s.clients[c]
		for p := s.search(log, from); log.at(p) != 0 && s.items[log.at(p)].clock < to; p = log.after(p) {
			note(&s.items[log.at(p)])
		}
	}
	for _, c := range tx.touched {
		visit(c, s.clients[c].before, s.clients[c].state)
	}
	for _, d := range tx.deleted {
		visit(d.client, d.from, d.to)
	}
	slices.SortStableFunc(e.Changes, func(a, b *Change) int { return cmp.Compare(len(a.Path), len(b.Path)) })
	return e
}

// adds tells whether the transaction wrote r.
func (tx *txn) adds(r ref) bool {
	it := &tx.store().items[r]
	return it.clock >= tx.before(it.client())
}

// deletes tells whether the transaction deleted r. Deleted spans must be sorted.
func (tx *txn) deletes(r ref) bool {
	it := &tx.store().items[r]
	c, clock := it.client(), it.clock
	n := sort.Search(len(tx.deleted), func(i int) bool {
		d := &tx.deleted[i]
		return d.client > c || d.client == c && d.from > clock
	})
	return n > 0 && tx.deleted[n-1].client == c && clock < tx.deleted[n-1].to
}

// path leads from its root to t.
func (d *Doc) path(t typeRef) (path []any) {
	s := &d.store
	for owner := s.ownerOf(t); owner != 0; owner = s.ownerOf(t) {
		if key := s.keyOf(owner); key != 0 {
			path = append(path, s.names.list[key])
		} else {
			path = append(path, d.indexOf(owner))
		}
		t = s.parentOf(owner)
	}
	path = append(path, s.nameOf(t))
	slices.Reverse(path)
	return path
}

// Keys is what happened to keys of the map: also attributes of text and XML.
func (c *Change) Keys() map[string]KeyChange {
	s := c.tx.store()
	changes := map[string]KeyChange{}
	for _, key := range c.keys {
		r := s.last(c.t, key)
		prev := s.prev(r)
		for prev != 0 && c.tx.adds(prev) {
			prev = s.prev(prev)
		}
		had := prev != 0 && c.tx.deletes(prev)
		var change KeyChange
		switch adds, deletes := c.tx.adds(r), c.tx.deletes(r); {
		case adds && deletes && had:
			change = KeyChange{KeyDeleted, c.oldValue(prev)}
		case adds && !deletes && had:
			change = KeyChange{KeyUpdated, c.oldValue(prev)}
		case adds && !deletes:
			change = KeyChange{KeyAdded, nil}
		case !adds && deletes:
			change = KeyChange{KeyDeleted, c.oldValue(r)}
		default:
			continue
		}
		changes[s.names.list[key]] = change
	}
	return changes
}

// old is the value that r held.
func (c *Change) oldValue(r ref) any {
	s := c.tx.store()
	if s.kindOf(r) == kindDeleted {
		return Undefined{}
	}
	return s.lastValue(c.tx.doc, r)
}

// ListDelta is the change of a list: of an array, or of the children of an XML type.
func (c *Change) ListDelta() (ops []ListOp) {
	if !c.list {
		return nil
	}
	s := c.tx.store()
	var op ListOp
	flush := func(is bool) {
		if !is && (op.Insert != nil || op.Retain+op.Delete > 0) {
			ops = append(ops, op)
			op = ListOp{}
		}
	}
	for r := s.listOf(c.t); r != 0; r = s.next(r) {
		if !s.kindOf(r).countable() {
			continue
		}
		adds := c.tx.adds(r)
		switch {
		case s.deleted(r):
			if !adds && c.tx.deletes(r) {
				flush(op.Delete > 0)
				op.Delete += s.units(r)
			}
		case adds:
			flush(op.Insert != nil)
			op.Insert = append(op.Insert, s.values(c.tx.doc, r)...)
		default:
			flush(op.Retain > 0)
			op.Retain += s.units(r)
		}
	}
	if op.Retain == 0 {
		flush(false)
	}
	return ops
}
