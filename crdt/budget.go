package crdt

import (
	"math"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// maxWork limits the work of integrating one update, in steps of some ten nanoseconds:
// about 0.7 s. Updates of editors stay far below, because their scans pass only items that
// were written concurrently at the same place.
const maxWork = 1 << 26

// unbounded is the work limit for trusted bytes.
const unbounded = math.MaxInt

// ApplyStored is ApplyUpdate for a stored update that was accepted before. It limits
// neither the work, nor the pending structs, nor the number of subdocuments, so that every
// stored document can be loaded again.
func (d *Doc) ApplyStored(update []byte) (changed bool, err error) {
	return d.apply(update, unbounded)
}

// rollback restores the document as it was before the running transaction, with before as
// the pending structs. Nothing is lost until then, since content is dropped only in commit.
func (d *Doc) rollback(before pending) {
	state := d.tx.appendBefore(nil)
	d.reset()
	observers, listeners := d.observers, d.listeners
	d.observers, d.listeners = nil, nil // loading the old state is not an event
	if _, err := d.ApplyStored(state); err != nil {
		panic("crdt: own state cannot be read: " + err.Error())
	}
	d.cache.loaded = false // the bytes loaded are not those of a caller
	d.pending = before
	d.pending.dependencies = nil
	d.observers, d.listeners = observers, listeners
	for i := range d.pending.clients {
		d.pending.clients[i].updateDependency(&d.tx)
	}
}

// reset empties the document. All refs become stale.
func (d *Doc) reset() {
	d.store = store{generation: d.store.generation + 1}
	d.store.init()
	d.pending = pending{}
	d.cache = cache{}
	d.markers.clear()
}

// appendBefore encodes the full state (V1) as it was when the transaction began, without
// the structs that were pending then.
func (tx *txn) appendBefore(dst []byte) []byte {
	s := tx.store()
	for _, span := range tx.deleted {
		log := &s.clients[span.client]
		for p := s.search(log, span.from); log.at(p) != 0; p = log.next(p) {
			it := &s.items[log.at(p)]
			if it.clock >= span.to {
				break
			}
			it.meta &^= metaDeleted
		}
	}
	var ds codec.DeleteSet
	var body []byte
	sections := 0
	for _, c := range s.byID() {
		log, before := &s.clients[c], tx.stateBefore(c)
		if before == 0 {
			continue
		}
		var structs []byte
		n := 0
		for p := (logPos{}); log.at(p) != 0; p = log.next(p) {
			it := &s.items[log.at(p)]
			if it.clock >= before {
				break
			}
			structs = s.appendStruct(structs, it, 0)
			n++
			if it.deleted() {
				ds = append(ds, codec.DeleteRange{Client: log.id, Clock: uint64(it.clock), Length: uint64(it.length)})
			}
		}
		body = codec.AppendID(lib0.AppendUvarint(body, uint64(n)), log.id, 0)
		body = append(body, structs...)
		sections++
	}
	return ds.Normalise().Append(append(lib0.AppendUvarint(dst, uint64(sections)), body...))
}

// clone copies what later calls change in place. The bytes of runs are shared, because
// they are only appended to.
func (p *pending) clone() pending {
	c := pending{structs: p.structs, bytes: p.bytes, deletes: append(codec.DeleteSet(nil), p.deletes...)}
	for _, w := range p.clients {
		w.runs = append([]run(nil), w.runs...)
		c.clients = append(c.clients, w)
	}
	return c
}
