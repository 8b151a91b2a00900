package crdt

import "weft/crdt/internal/codec"

// maxClock is 2^53-1, JavaScript's Number.MAX_SAFE_INTEGER. It limits client ids, and the
// clocks in state vectors, delete sets and Skips.
const maxClock = codec.MaxClock

// maxUnits is 2^32-1. It limits the clocks of stored items, and so the number of units
// that one client can write in one document. Yjs has no such limit.
const maxUnits = codec.MaxUnits

// ID names one unit: the clock-th that client wrote.
type ID struct {
	Client uint64 // below 2^53
	Clock  uint64 // below 2^32 where there is such a unit
}

// ref points to an item: an index into store.items. 0 is no item.
type ref uint32

// typeRef points to a type: an index into store.types. 0 is no type.
type typeRef uint32

// nameRef points to an interned string: an index into names.list. 0 is no name,
// which is not the empty name: a map key may be "".
type nameRef uint32

// clientRef points to a client: an index into store.clients. Items hold this
// instead of the id, which is twice as large.
type clientRef uint32

// noClient marks an origin that is absent.
const noClient clientRef = 1<<32 - 1

// names interns root names, map keys and node names. Nothing is ever removed: the
// total is bounded by the bytes that were applied.
type names struct {
	list  []string // list[0] is unused
	index map[string]nameRef
}

func (n *names) intern(b []byte) nameRef {
	if r, ok := n.index[string(b)]; ok {
		return r
	}
	if n.index == nil {
		n.index, n.list = map[string]nameRef{}, []string{""}
	}
	r, s := nameRef(len(n.list)), string(b)
	n.list = append(n.list, s)
	n.index[s] = r
	return r
}

// lookup is intern for readers: 0 when the name was never seen.
func (n *names) lookup(s string) nameRef { return n.index[s] }
