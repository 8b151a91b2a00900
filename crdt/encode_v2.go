package crdt

import (
	"weft/crdt/internal/codec"
	"weft/crdt/internal/v2"
)

// EncodeStateAsUpdateV2 is EncodeStateAsUpdate in update format V2, which is often half
// the size.
//
// Without pending structs and deletes the bytes equal those of Yjs 13.6, with one
// exception. A few bytes can stand for very many structs (10,000 structs in 100 bytes),
// and readers refuse updates of such density as an attack: see the cost model in
// internal/v2/cost.go. Such a state is padded with bytes at the end of one column,
// which readers ignore.
func (d *Doc) EncodeStateAsUpdateV2(sv StateVector) []byte {
	if len(d.pending.clients) > 0 {
		b, err := ConvertUpdateV1ToV2(d.EncodeStateAsUpdate(sv))
		if err != nil {
			panic("crdt: own state cannot be converted: " + err.Error())
		}
		return b
	}
	s := &d.store
	sections := 0
	for _, c := range s.byID() {
		if log := &s.clients[c]; sv[log.id] < uint64(log.state) {
			sections++
		}
	}
	var e v2.Encoder
	if len(sv) == 0 {
		e.Reserve(len(s.items), len(s.bytes)-s.dead)
	}
	e.Start(sections)
	for _, c := range s.byID() {
		if log := &s.clients[c]; sv[log.id] < uint64(log.state) {
			s.encodeSectionV2(&e, log, sv[log.id])
		}
	}
	ds := s.appendStoredDeletes(d.deletes[:0])
	if len(d.pending.deletes) > 0 {
		ds = append(ds, d.pending.deletes...).Normalise()
	}
	d.deletes = ds
	return e.Finish(ds)
}

// ConvertUpdateV1ToV2 writes an update (V1) in format V2, struct by struct, clients in
// descending order. Like EncodeStateAsUpdateV2 it may pad the result. Errors match
// ErrMalformed. It is safe for concurrent use.
func ConvertUpdateV1ToV2(update []byte) ([]byte, error) {
	var u parsedUpdate
	if err := u.parse(update); err != nil {
		return nil, err
	}
	e, err := u.encodeV2()
	if err != nil {
		return nil, &MalformedError{"update", len(update), err}
	}
	return e.Finish(u.deletes.Normalise()), nil
}

// encodeV2 writes all structs of an update in format V2.
func (u *parsedUpdate) encodeV2() (*v2.Encoder, error) {
	e := new(v2.Encoder)
	e.Start(len(u.sources))
	var w codec.Struct
	for i := range u.sources {
		src := &u.sources[i]
		e.Begin(src.client, src.now.clock, src.now.structs)
		for {
			size, ok := src.peek(&w)
			if !ok {
				break
			}
			src.advance(w.Length, size)
			if err := e.Write(&w, 0); err != nil {
				return nil, err
			}
		}
	}
	return e, nil
}

// encodeSectionV2 writes the structs that log holds from clock on.
func (s *store) encodeSectionV2(e *v2.Encoder, log *clientLog, clock uint64) {
	p := s.search(log, uint32(clock))
	e.Begin(log.id, clock, log.countFrom(p.k)-int(p.i))
	var v structView
	skip, i := clock-uint64(s.items[log.at(p)].clock), p.i
	for k := p.k; int(k) <= len(log.full); k++ {
		for _, r := range log.chunk(k)[i:] {
			v.of(s, &s.items[r])
			if err := e.Write(&v.w, skip); err != nil {
				panic("crdt: own content cannot be read: " + err.Error())
			}
			skip = 0
		}
		i = 0
	}
}

// structView is an item in the form in which an update holds it.
type structView struct {
	w         codec.Struct
	root, key []byte // buffers of names in w
	name      []byte
}

// of describes an item. Fields of v.w that do not apply, according to its kind and info,
// keep stale values.
func (v *structView) of(s *store, it *item) {
	w := &v.w
	w.Kind = it.kind()
	w.Info = byte(w.Kind)
	w.Client, w.Clock, w.Length = s.clients[it.client()].id, uint64(it.clock), uint64(it.length)
	if w.Kind == codec.KindGC {
		return
	}
	if it.hasOrigin() {
		w.Info |= codec.InfoOrigin
		w.Origin = codec.ID{Client: s.clients[it.originClient].id, Clock: uint64(it.originClock)}
	}
	if it.hasRight() {
		w.Info |= codec.InfoRightOrigin
		w.RightOrigin = codec.ID{Client: s.clients[it.rightClient].id, Clock: uint64(it.rightClock)}
	}
	if it.keyed() {
		w.Info |= codec.InfoKey
	}
	if w.HasParent() {
		t := &s.types[s.parent(it.place)]
		if w.InRoot = t.owner == 0; w.InRoot {
			v.root = append(v.root[:0], s.names.list[t.name]...)
			w.Root = v.root
		} else {
			w.Parent = codec.ID(s.id(&s.items[t.owner]))
		}
		if key := s.key(it.place); key != 0 {
			v.key = append(v.key[:0], s.names.list[key]...)
			w.Key = v.key
		}
	}
	if w.Kind == codec.KindType {
		t := &s.types[it.data]
		w.Shape = t.shape
		if codec.ShapeHasName(t.shape) {
			v.name = append(v.name[:0], s.names.list[t.name]...)
			w.Name = v.name
		}
		return
	}
	w.Content = s.content(it)
}
