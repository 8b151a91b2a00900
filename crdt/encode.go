package crdt

import (
	"slices"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// EncodeStateVector returns the encoded state vector of the document:
// StateVector().Append(nil), but faster.
func (d *Doc) EncodeStateVector() []byte {
	s := &d.store
	dst := lib0.AppendUvarint(make([]byte, 0, 8+8*len(s.clients)), uint64(len(s.clients)))
	for _, c := range s.byID() {
		dst = codec.AppendID(dst, s.clients[c].id, uint64(s.clients[c].state))
	}
	return dst
}

// EncodeStateAsUpdate returns an update (V1) with everything that a peer with the state
// vector sv lacks. With nil it is the full state.
//
//   - Pending structs and deletes are included, so that a stored state loses nothing.
//   - The delete set is always the whole one, because a state vector does not say which deletes the peer knows.
//   - Entries of sv that are ahead of this document are ignored.
//
// The full state is cached until the document changes. All callers share these bytes and
// must not write to them. Without pending structs and deletes the bytes equal those of Yjs
// 13.6.
func (d *Doc) EncodeStateAsUpdate(sv StateVector) []byte {
	if len(sv) > 0 {
		return d.AppendStateAsUpdate(nil, sv)
	}
	if d.cache.state != nil {
		return d.cache.state
	}
	b := d.appendState(make([]byte, 0, d.cache.size+d.cache.size/64+64), nil)
	b = b[:len(b):len(b)]
	d.cache.state, d.cache.size = b, len(b)
	return b
}

// AppendStateAsUpdate appends EncodeStateAsUpdate(sv) to dst. The caller owns the result.
func (d *Doc) AppendStateAsUpdate(dst []byte, sv StateVector) []byte {
	if d.cache.state != nil && len(sv) == 0 {
		return append(dst, d.cache.state...)
	}
	return d.appendState(dst, sv)
}

// appendState is AppendStateAsUpdate without the cache.
func (d *Doc) appendState(dst []byte, sv StateVector) []byte {
	s := &d.store
	if len(d.pending.clients) > 0 {
		dst = d.appendWithPending(dst, sv)
	} else {
		sections := 0
		for _, c := range s.byID() {
			if log := &s.clients[c]; sv[log.id] < uint64(log.state) {
				sections++
			}
		}
		dst = lib0.AppendUvarint(dst, uint64(sections))
		for _, c := range s.byID() {
			if log := &s.clients[c]; sv[log.id] < uint64(log.state) {
				dst = s.appendSection(dst, log, sv[log.id], 0)
			}
		}
	}
	if len(d.pending.deletes) == 0 {
		return append(dst, d.encodedDeletes()...)
	}
	ds := append(s.appendStoredDeletes(nil), d.pending.deletes...)
	return ds.Normalise().Append(dst)
}

// appendSection encodes the structs of log from clock on. extra is the number of structs
// that the caller will append to the section.
func (s *store) appendSection(dst []byte, log *clientLog, clock uint64, extra int) []byte {
	p := s.search(log, uint32(clock))
	dst = lib0.AppendUvarint(dst, uint64(log.countFrom(p.k)-int(p.i)+extra))
	dst = codec.AppendID(dst, log.id, clock)
	it := &s.items[log.at(p)]
	dst = s.appendStruct(dst, it, uint32(clock)-it.clock)
	i := p.i + 1
	for k := p.k; int(k) <= len(log.full); k++ {
		for _, r := range log.chunk(k)[i:] {
			dst = s.appendStruct(dst, &s.items[r], 0)
		}
		i = 0
	}
	return dst
}

// appendStruct encodes a struct from its unit skip on. If skip is not 0, its origin is the
// unit before.
func (s *store) appendStruct(dst []byte, it *item, skip uint32) []byte {
	k := it.kind()
	if k == kindGC {
		return lib0.AppendUvarint(append(dst, byte(kindGC)), uint64(it.length-skip))
	}
	info := byte(k)
	if skip > 0 || it.hasOrigin() {
		info |= codec.InfoOrigin
	}
	if it.hasRight() {
		info |= codec.InfoRightOrigin
	}
	if it.keyed() {
		info |= codec.InfoKey
	}
	dst = append(dst, info)
	switch {
	case skip > 0:
		dst = s.appendUnit(dst, it.client(), it.clock+skip-1)
	case it.hasOrigin():
		dst = s.appendUnit(dst, it.originClient, it.originClock)
	}
	if it.hasRight() {
		dst = s.appendUnit(dst, it.rightClient, it.rightClock)
	}
	if info&(codec.InfoOrigin|codec.InfoRightOrigin) == 0 {
		dst = s.appendParent(dst, it)
	}
	if k == kindType {
		t := &s.types[it.data]
		dst = append(dst, t.shape)
		if codec.ShapeHasName(t.shape) {
			name := s.names.list[t.name]
			dst = append(lib0.AppendUvarint(dst, uint64(len(name))), name...)
		}
		return dst
	}
	return codec.AppendContent(dst, k, s.content(it), uint64(it.length), uint64(skip))
}

// appendUnit encodes the ID of a unit.
func (s *store) appendUnit(dst []byte, c clientRef, clock uint32) []byte {
	return codec.AppendID(dst, s.clients[c].id, uint64(clock))
}

// appendParent encodes the parent and key of an item that has no origins.
func (s *store) appendParent(dst []byte, it *item) []byte {
	t := &s.types[s.parent(it.place)]
	if t.owner == 0 {
		name := s.names.list[t.name]
		dst = append(lib0.AppendUvarint(append(dst, 1), uint64(len(name))), name...)
	} else {
		owner := &s.items[t.owner]
		dst = s.appendUnit(append(dst, 0), owner.client(), owner.clock)
	}
	if key := s.key(it.place); key != 0 {
		name := s.names.list[key]
		dst = append(lib0.AppendUvarint(dst, uint64(len(name))), name...)
	}
	return dst
}

// appendWithPending encodes the sections of structs if some are pending. A client's
// pending structs follow its known ones, with Skips over missing clocks. A section never
// begins with a Skip, which Yjs 13 cannot read.
func (d *Doc) appendWithPending(dst []byte, sv StateVector) []byte {
	s := &d.store
	var ids []uint64
	for i := range s.clients {
		if log := &s.clients[i]; sv[log.id] < uint64(log.state) {
			ids = append(ids, log.id)
		}
	}
	for i := range d.pending.clients {
		ids = append(ids, d.pending.clients[i].client)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)

	sections := 0
	var body []byte
	for _, id := range slices.Backward(ids) {
		state, known := uint64(0), false
		c, ok := s.findClient(id)
		if ok {
			state = uint64(s.clients[c].state)
			known = sv[id] < state
		}
		part := sectionStart
		if known {
			part = sectionRest
		}
		extra, structs, first := d.pending.encode(id, max(state, sv[id]), part)
		switch {
		case known:
			body = s.appendSection(body, &s.clients[c], sv[id], structs)
		case structs > 0:
			body = lib0.AppendUvarint(body, uint64(structs))
			body = codec.AppendID(body, id, first)
		default:
			continue
		}
		body = append(body, extra...)
		sections++
	}
	return append(lib0.AppendUvarint(dst, uint64(sections)), body...)
}

// sectionPart says where in a section a client's pending structs stand.
type sectionPart int

const (
	sectionStart sectionPart = iota // at the start: missing clocks before them are not written
	sectionRest                     // behind known structs: missing clocks between become a Skip
)

// encode encodes a client's pending structs from the clock from on. It returns the number
// of structs, Skips included, and the clock at which they begin.
func (p *pending) encode(client, from uint64, part sectionPart) (b []byte, structs int, first uint64) {
	i, found := p.find(client)
	if !found {
		return nil, 0, 0
	}
	src := source{client: client, more: p.clients[i].runs}
	var w codec.Struct
	for {
		size, ok := src.peek(&w)
		if !ok {
			return b, structs, first
		}
		src.advance(w.Length, size)
		if w.End() <= from {
			continue
		}
		at := max(from, w.Clock)
		if structs == 0 {
			first = at
		}
		if at > from && (part == sectionRest || structs > 0) {
			b = lib0.AppendUvarint(append(b, byte(kindSkip)), at-from)
			structs++
		}
		b = w.Append(b, at-w.Clock)
		structs++
		from = w.End()
	}
}

// encodeChange encodes the changes of the transaction that was just committed, as an
// update (V1) for the peers.
func (tx *txn) encodeChange() []byte {
	s := tx.store()
	touched := slices.Clone(tx.touched)
	slices.SortFunc(touched, func(a, b clientRef) int {
		if s.clients[a].id > s.clients[b].id {
			return -1
		}
		return 1
	})
	dst := lib0.AppendUvarint(nil, uint64(len(touched)))
	for _, c := range touched {
		dst = s.appendSection(dst, &s.clients[c], uint64(s.clients[c].before), 0)
	}
	var ds codec.DeleteSet
	for _, d := range tx.deleted {
		ds = append(ds, codec.DeleteRange{Client: s.clients[d.client].id, Clock: uint64(d.from), Length: uint64(d.to - d.from)})
	}
	return ds.Normalise().Append(dst)
}
