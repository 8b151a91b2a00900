package crdt

import (
	"cmp"
	"slices"
	"sort"
)

// Observe registers f, which is called after each transaction that changed something:
// local edits, or an applied update (Yjs: observeDeep, the doc's afterTransaction). f is
// called on the goroutine that changes the document, before Transact or ApplyUpdate
// returns, and sees the document after the change.
//
//   - f must not use the event after it returns.
//   - f may read the document. Changing it is refused with ErrBusy.
//   - If f panics, the change stands, and the panic continues in the caller of Transact or
//     ApplyUpdate.
//
// stop unregisters f. It may be called at any time, also by f, under the same
// serialisation as every call of the Doc. Without observers, changes cost nothing extra.
func (d *Doc) Observe(f func(*Event)) (stop func()) {
	o := &eventObserver{f}
	d.observers = append(slices.Clip(d.observers), o)
	return func() {
		d.observers = slices.DeleteFunc(slices.Clone(d.observers), func(p *eventObserver) bool { return p == o })
	}
}

// OnUpdate registers f, which is called after each transaction that changed something,
// with the update (V1) of this transaction alone (Yjs: doc.on('update')). A peer that
// had the state before the transaction needs only this update. For local edits it equals
// the update that Transact returns. local is true for edits made through this Doc. f may
// keep the bytes. All else is as for [Doc.Observe].
//
// An update whose dependencies are missing is pending and changes nothing yet, so f is
// not called. When the missing updates arrive, one call carries both.
func (d *Doc) OnUpdate(f func(update []byte, local bool)) (stop func()) {
	l := &updateListener{f}
	d.listeners = append(slices.Clip(d.listeners), l)
	return func() {
		d.listeners = slices.DeleteFunc(slices.Clone(d.listeners), func(p *updateListener) bool { return p == l })
	}
}

type eventObserver struct{ f func(*Event) }

type updateListener struct{ f func([]byte, bool) }

// hasObservers reports whether any observer or update listener is registered.
func (d *Doc) hasObservers() bool { return len(d.observers)+len(d.listeners) > 0 }

// commit ends the running transaction and calls observers and update listeners. Observers
// are called before deleted content is dropped, so that they can read it. Update listeners
// are called after neighbouring items were merged. The returned update is nil for an
// applied update that nobody listens for.
func (d *Doc) commit() (update []byte) {
	tx := &d.tx
	if !tx.hasChanges() {
		tx.commit()
		return nothing()
	}
	if !tx.local && !d.hasObservers() {
		tx.commit()
		d.markers.clear()
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

// notifyObservers calls the observers and ends the transaction, also if one panics.
func (d *Doc) notifyObservers() {
	if !d.tx.local {
		d.markers.clear()
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

// Event describes what one transaction changed. It is valid until the observer returns.
type Event struct {
	// Local is true for edits made through this Doc, false for an applied update.
	Local bool
	// Changes has one entry for each type whose list or map changed, ordered by depth,
	// roots first. A type that is new or was deleted has no entry of its own; it is part
	// of the change of its parent.
	Changes []*Change
}

// Change describes what one transaction changed in one type (Yjs: YEvent). The document
// does not record whether a root is a text, an array or a map, so the observer chooses:
// TextDelta, ListDelta or Keys.
type Change struct {
	Type Type
	// Path leads from the root to the type: first the root's name (string), then for each
	// level a map key (string) or a list index (int).
	Path []any

	tx   *txn
	t    typeRef
	list bool      // the list changed
	keys []nameRef // keys whose chains changed
}

// ListOp is one step of a change to a list: exactly one of the three is set.
type ListOp struct {
	Insert []any // elements
	Retain int   // number of elements that stay
	Delete int   // number of elements that were deleted
}

// KeyAction is what happened to a key. The values are those of Yjs.
type KeyAction string

// Possible values of KeyAction.
const (
	KeyAdded   KeyAction = "add"    // had no value before
	KeyUpdated KeyAction = "update" // had another value before
	KeyDeleted KeyAction = "delete" // has no value any more
)

// KeyChange describes what happened to one key. The new value is read from the map.
type KeyChange struct {
	Action KeyAction
	Old    any // the former value; nil if Action is KeyAdded. A nested type reads as empty
}

// event computes what the transaction changed. It is called before the transaction is
// committed: deleted content is still there, and no items have been merged yet.
func (tx *txn) event() *Event {
	s, d := tx.store(), tx.doc
	tx.deleted = sortSpans(tx.deleted)
	e := &Event{Local: tx.local}
	found := map[typeRef]*Change{}
	addItem := func(it *item) {
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
	addRange := func(c clientRef, from, to uint32) {
		log := &s.clients[c]
		for p := s.search(log, from); log.at(p) != 0 && s.items[log.at(p)].clock < to; p = log.next(p) {
			addItem(&s.items[log.at(p)])
		}
	}
	for _, c := range tx.touched {
		addRange(c, s.clients[c].before, s.clients[c].state)
	}
	for _, d := range tx.deleted {
		addRange(d.client, d.from, d.to)
	}
	slices.SortStableFunc(e.Changes, func(a, b *Change) int { return cmp.Compare(len(a.Path), len(b.Path)) })
	return e
}

// adds reports whether the transaction created item r (Yjs: YEvent.adds).
func (tx *txn) adds(r ref) bool {
	it := &tx.store().items[r]
	return it.clock >= tx.stateBefore(it.client())
}

// deletes reports whether the transaction deleted item r (Yjs: YEvent.deletes).
// tx.deleted must be sorted.
func (tx *txn) deletes(r ref) bool {
	it := &tx.store().items[r]
	c, clock := it.client(), it.clock
	n := sort.Search(len(tx.deleted), func(i int) bool {
		d := &tx.deleted[i]
		return d.client > c || d.client == c && d.from > clock
	})
	return n > 0 && tx.deleted[n-1].client == c && clock < tx.deleted[n-1].to
}

// path returns the path from its root to t; see [Change.Path].
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

// Keys returns what happened to each changed key of the map, which holds the attributes of
// text and XML elements too. A key that was set and deleted within the transaction, and had
// no value before, is absent (Yjs: YEvent.changes.keys).
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

// oldValue returns the value that item r held before it was deleted; Undefined if its
// content had been dropped earlier.
func (c *Change) oldValue(r ref) any {
	s := c.tx.store()
	if s.kindOf(r) == kindDeleted {
		return Undefined{}
	}
	return s.lastValue(c.tx.doc, r)
}

// ListDelta returns the change of the list of an array, or of the children of an XML type,
// from left to right; nil if the list did not change (Yjs: YEvent.changes.delta).
func (c *Change) ListDelta() (ops []ListOp) {
	if !c.list {
		return nil
	}
	s := c.tx.store()
	var op ListOp
	endOpUnless := func(sameKind bool) {
		if !sameKind && (op.Insert != nil || op.Retain+op.Delete > 0) {
			ops = append(ops, op)
			op = ListOp{}
		}
	}
	for r := s.listOf(c.t); r != 0; r = s.next(r) {
		if !s.kindOf(r).IsCountable() {
			continue
		}
		adds := c.tx.adds(r)
		switch {
		case s.deleted(r):
			if !adds && c.tx.deletes(r) {
				endOpUnless(op.Delete > 0)
				op.Delete += s.units(r)
			}
		case adds:
			endOpUnless(op.Insert != nil)
			op.Insert = append(op.Insert, s.values(c.tx.doc, r)...)
		default:
			endOpUnless(op.Retain > 0)
			op.Retain += s.units(r)
		}
	}
	if op.Retain == 0 { // a delta never ends with a retain
		endOpUnless(false)
	}
	return ops
}
