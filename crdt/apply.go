package crdt

import (
	"cmp"
	"maps"
	"slices"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// maxBytes limits the content of one document, since items address it with 32 bits.
const maxBytes = 1 << 30

// parsedUpdate is an update that was taken apart and checked, ready for delivery. It is
// reused for one update after another.
type parsedUpdate struct {
	sources sources
	deletes codec.DeleteSet
	structs int
	content int          // bytes of content in all structs
	subdocs int          // structs that are subdocuments
	w       codec.Struct // the struct read last
	splits  int          // items that integration may split; 0 if not counted
}

// parse checks everything about an update that can be checked without a document.
func (u *parsedUpdate) parse(update []byte) error {
	r := lib0.NewReader(update)
	u.sources, u.deletes, u.structs, u.content, u.subdocs, u.splits = u.sources[:0], u.deletes[:0], 0, 0, 0, 0
	err := u.parseStructs(&r)
	if err == nil {
		u.deletes, err = codec.ReadDeleteSet(&r, u.deletes)
	}
	if err == nil && r.Len() > 0 {
		err = ErrTrailing
	}
	if err != nil {
		return &MalformedError{"update", r.Offset(), err}
	}
	return nil
}

func (u *parsedUpdate) parseStructs(r *lib0.Reader) error {
	sections, err := r.Count(3)
	if err != nil {
		return err
	}
	if sections > 64 {
		u.sources = slices.Grow(u.sources, sections)
	}
	w := &u.w
	for ; sections > 0; sections-- {
		n, err := r.Count(2)
		if err != nil {
			return err
		}
		client, err := r.Uvarint()
		if err != nil {
			return err
		}
		clock, err := r.Uvarint()
		if err != nil {
			return err
		}
		from := r.Offset()
		s := source{client: client, now: run{clock: clock, structs: n}}
		for ; n > 0; n-- {
			if err := w.Read(r, client, clock); err != nil {
				return err
			}
			clock = w.End()
			u.content += len(w.Content)
			if w.Kind == kindDoc {
				u.subdocs++
			}
		}
		s.now.raw = r.Slice(from, r.Offset())
		u.structs += s.now.structs
		u.sources = append(u.sources, s)
	}
	u.sort()
	for i := 1; i < len(u.sources); i++ {
		if u.sources[i].client == u.sources[i-1].client {
			return ErrClientTwice
		}
	}
	return nil
}

// sort orders the sources by client, highest id first.
func (u *parsedUpdate) sort() {
	byClient := func(a, b source) int { return cmp.Compare(b.client, a.client) }
	if !slices.IsSortedFunc(u.sources, byClient) {
		slices.SortFunc(u.sources, byClient)
	}
}

// release drops the references to the bytes of the update.
func (u *parsedUpdate) release() {
	clear(u.sources)
	u.w = codec.Struct{}
	if cap(u.sources) > 1024 || cap(u.deletes) > 1024 {
		*u = parsedUpdate{}
	}
}

// ValidateUpdate checks an update (V1) without a document. It reads all of it and keeps
// nothing. ApplyUpdate may still refuse an update that passes, because of what it would do
// to the document, but never as malformed. Errors match ErrMalformed. It is safe for
// concurrent use.
func ValidateUpdate(update []byte) error {
	var u parsedUpdate
	return u.parse(update)
}

// ApplyUpdate merges an update (V1) into the document. It does not keep the bytes.
//
// changed is true if the full state of the document differs from before: units were added
// or deleted, or structs or deletes became pending that were not. Only then is the update
// worth storing.
//
// On an error the document is unchanged. Errors match ErrMalformed, ErrPendingFull,
// ErrTooLarge, ErrTooCostly, ErrSubdocuments or ErrBusy.
func (d *Doc) ApplyUpdate(update []byte) (changed bool, err error) {
	return d.apply(update, maxWork)
}

// apply is ApplyUpdate with a limit of work steps (budget.go).
func (d *Doc) apply(update []byte, work int) (changed bool, err error) {
	if d.busy {
		return false, ErrBusy
	}
	d.store.work, d.store.budget = 0, work
	if d.canLoad() && len(update) >= minLoad && len(update) <= maxBytes &&
		d.load(func() bool { return d.stage(update) }) {
		if d.cache.loaded {
			d.cache.size = len(update)
		}
		return true, nil
	}
	u := &d.parsed
	defer u.release()
	if err := u.parse(update); err != nil {
		return false, err
	}
	return d.applyParsed(u, len(update), work)
}

// applyParsed applies a parsed update that takes size bytes in format V1.
func (d *Doc) applyParsed(u *parsedUpdate, size, work int) (changed bool, err error) {
	if len(d.store.bytes)+size > maxBytes || len(d.store.clients)+len(u.sources) >= maxClients {
		return false, ErrTooLarge
	}
	if work < unbounded && d.mayExceedPending(u, size) && d.exceedsPending(u) {
		return false, ErrPendingFull
	}
	if work < unbounded && d.exceedsSubdocLimit(u) {
		return false, ErrSubdocuments
	}

	tx := &d.tx
	tx.begin()
	tx.reserve(u)
	delivered := u.structs == 0 || u.structs == 1 && tx.applySingle(&u.w)
	if !delivered {
		d.delivery.deliver(u.sources, tx)
	}
	if !delivered || len(d.pending.clients) > 0 {
		changed, err = tx.updatePending(u, delivered)
	}
	switch {
	case err != nil:
		return false, err
	case d.store.work > d.store.budget: // a single struct may suffice
		d.rollback(d.pending)
		return false, ErrTooCostly
	}
	if len(u.deletes)+len(d.pending.deletes) > 0 && tx.applyDeletes(u.deletes.Normalise()) {
		changed = true
	}
	d.commit()
	if changed {
		d.cache.invalidate(false) // pending structs belong to the full state
	}
	return changed || tx.hasChanges(), nil
}

// updatePending makes the structs of an update that were not delivered pending, and
// integrates pending structs whose dependencies have arrived. It reports whether structs
// became pending.
func (tx *txn) updatePending(u *parsedUpdate, delivered bool) (changed bool, err error) {
	d := tx.doc
	before, settle := d.pending, d.pending.isUnblockedBy(u.sources, d.client, tx)
	if settle {
		before = d.pending.clone()
	}
	if !delivered && d.store.work <= d.store.budget {
		for i := range u.sources {
			changed = d.pending.keepUndelivered(&u.sources[i], tx) || changed
		}
	}
	if settle {
		d.pending.deliverReady(tx, &d.delivery)
	}
	d.delivery.release()
	if d.store.work > d.store.budget {
		d.rollback(before)
		return false, ErrTooCostly
	}
	return changed, nil
}

// reserve allocates at once what a large update needs, according to the content that was
// read, not to the lengths that the update claims. Each struct and each range of deletes
// may split two items.
func (tx *txn) reserve(u *parsedUpdate) {
	s := tx.store()
	if s.expectedItems = 0; u.structs+len(u.deletes) <= 64 {
		return
	}
	if fresh := len(u.sources) - len(s.clients); fresh > 0 {
		tx.doc.growClients(fresh)
	}
	tx.deleted = slices.Grow(tx.deleted, len(u.deletes))
	s.items = slices.Grow(s.items, u.structs)
	s.bytes = slices.Grow(s.bytes, u.content)
	if s.expectedItems = u.splits; s.expectedItems == 0 {
		s.expectedItems = 2 * (u.structs + len(u.deletes))
	}
}

// growClients reserves room for so many new clients.
func (d *Doc) growClients(fresh int) {
	s := &d.store
	d.tx.touched = slices.Grow(d.tx.touched, fresh)
	if fresh < 64 {
		return
	}
	s.clients = slices.Grow(s.clients, fresh)
	s.descending = slices.Grow(s.descending, fresh)
	if fresh > len(s.clientIndex) { // maps cannot be grown, and doubling them costs twice as much
		index := make(map[uint64]clientRef, len(s.clientIndex)+fresh)
		maps.Copy(index, s.clientIndex)
		s.clientIndex = index
	}
}

// applySingle integrates the only struct of an update, which is the most frequent kind of
// update. It returns false if a dependency is missing.
func (tx *txn) applySingle(w *codec.Struct) bool {
	if w.Kind == kindSkip {
		return false
	}
	if _, ok := missingDependency(w, tx); !ok {
		return false
	}
	if state := tx.state(w.Client); state < w.End() {
		tx.receive(w, state-w.Clock)
	}
	return true
}

// state and receive make a transaction the sink of a delivery.
func (tx *txn) state(client uint64) uint64           { return tx.doc.store.state(client) }
func (tx *txn) receive(w *codec.Struct, skip uint64) { tx.integrate(w, skip) }

// applyDeletes deletes the known units of ds and of the pending deletes, and keeps the
// others pending. It reports whether deletes became pending that were not.
func (tx *txn) applyDeletes(ds codec.DeleteSet) (parked bool) {
	p := &tx.doc.pending
	if len(p.deletes) > 0 {
		tx.retryDeletes()
	}
	unknown := tx.deleteKnown(ds, nil)
	if len(unknown) == 0 || p.deletes.ContainsAll(unknown) {
		return false
	}
	p.deletes = p.deletes.Insert(unknown)
	return true
}

// retryDeletes deletes the units of the pending deletes that are known by now. It looks
// only at clients that grew in this transaction, and at the local client, which may have
// grown before.
func (tx *txn) retryDeletes() {
	tx.retryDeletesOf(tx.doc.client)
	for _, c := range tx.touched {
		tx.retryDeletesOf(tx.store().clients[c].id)
	}
}

// retryDeletesOf is retryDeletes for one client.
func (tx *txn) retryDeletesOf(client uint64) {
	p := &tx.doc.pending
	state := tx.state(client)
	from, _ := p.deletes.Search(client, 0)
	to, _ := p.deletes.Search(client, state)
	if from == to {
		return
	}
	known := slices.Clone(p.deletes[from:to])
	if rest := tx.deleteKnownOf(known, nil); len(rest) > 0 {
		to--
		p.deletes[to] = rest[0] // the rest of the last range
	}
	p.deletes = slices.Delete(p.deletes, from, to)
}

// deleteKnown deletes the known units of ds, which is in normal form, and appends the
// other ranges to unknown.
func (tx *txn) deleteKnown(ds, unknown codec.DeleteSet) codec.DeleteSet {
	for len(ds) > 0 {
		n := 1
		for n < len(ds) && ds[n].Client == ds[0].Client {
			n++
		}
		unknown = tx.deleteKnownOf(ds[:n], unknown)
		ds = ds[n:]
	}
	return unknown
}

// deleteKnownOf is deleteKnown for the ranges of one client.
func (tx *txn) deleteKnownOf(ds, unknown codec.DeleteSet) codec.DeleteSet {
	s := tx.store()
	c, ok := s.findClient(ds[0].Client)
	if !ok {
		return append(unknown, ds...)
	}
	state := uint64(s.clients[c].state)
	known := len(ds)
	for known > 0 && ds[known-1].Clock >= state {
		known--
	}
	rest := ds[known:]
	if known > 0 {
		if last := ds[known-1]; last.End() > state {
			ds[known-1].Length = state - last.Clock
			unknown = append(unknown, codec.DeleteRange{Client: last.Client, Clock: state, Length: last.End() - state})
		}
		tx.deleteRanges(c, ds[:known])
	}
	return append(unknown, rest...)
}

// mayExceedPending is a cheap test that nearly all updates pass: it returns false if there
// is room even for all of the update to become pending.
func (d *Doc) mayExceedPending(u *parsedUpdate, size int) bool {
	p := &d.pending
	return p.bytes+size > MaxPendingBytes || p.structs+u.structs > MaxPendingStructs ||
		len(p.deletes)+len(u.deletes) > MaxPendingDeletes
}

// exceedsPending reports whether too much would be pending after an update. It delivers
// the update in a dry run, on clocks alone: whether a struct is ready depends on states,
// not on content.
func (d *Doc) exceedsPending(u *parsedUpdate) bool {
	to := &dryRun{store: &d.store, states: map[uint64]uint64{}}
	fresh := slices.Clone(u.sources)
	d.delivery.deliver(fresh, to)
	structs, bytes := fresh.size()
	deletes := to.unknown(u.deletes)
	if structs+deletes == 0 {
		return false // however much is pending already
	}
	p := &d.pending
	if p.isAffectedBy(to) {
		structs, bytes = d.countUndelivered(fresh, to)
		deletes = to.unknown(u.deletes) + to.unknown(p.deletes)
	} else {
		structs, bytes, deletes = structs+p.structs, bytes+p.bytes, deletes+len(p.deletes)
	}
	allow := 1
	if len(d.store.clients) == 0 && p.isEmpty() {
		allow = 2
	}
	return bytes > allow*MaxPendingBytes || structs > allow*MaxPendingStructs ||
		deletes > allow*MaxPendingDeletes
}

// countUndelivered delivers fresh and everything pending to a dry run, and counts the
// structs that remain and their bytes.
func (d *Doc) countUndelivered(fresh sources, to *dryRun) (structs, bytes int) {
	old := d.pending.sources()
	for taken := -1; taken != to.taken; {
		taken = to.taken
		for _, ss := range []sources{old, fresh} {
			for i := range ss {
				ss[i].blocked = false
			}
			d.delivery.deliver(ss, to)
		}
	}
	structs, bytes = fresh.size()
	more, most := old.size()
	return structs + more, bytes + most
}

// dryRun is a sink that only advances states.
type dryRun struct {
	store  *store
	states map[uint64]uint64 // states that advanced
	taken  int
}

func (r *dryRun) state(client uint64) uint64 {
	if end, ok := r.states[client]; ok {
		return end
	}
	return r.store.state(client)
}

func (r *dryRun) receive(w *codec.Struct, skip uint64) {
	r.states[w.Client] = w.End()
	r.taken++
}

// unknown counts the ranges of which a unit is not known.
func (r *dryRun) unknown(ds codec.DeleteSet) (n int) {
	for _, d := range ds {
		if r.state(d.Client) < d.End() {
			n++
		}
	}
	return n
}
