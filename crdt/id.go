package crdt

import "weft/crdt/internal/codec"

// maxClock is 2^53-1, JavaScript's Number.MAX_SAFE_INTEGER. It limits client ids, and the
// clocks in state vectors, delete sets and Skips.
const maxClock = codec.MaxClock

// maxUnits is 2^32-1. It limits the clocks of stored items, and so the number of units
// that one client can write in one document. Yjs has no such limit.
const maxUnits = codec.MaxUnits

// ID names one unit: the unit that Client wrote at Clock, counted from 0.
type ID struct {
	Client uint64 // the client id, below 2^53
	Clock  uint64 // below 2^32-1 for units that exist; otherwise below 2^53
}

// ref refers to an item: an index into store.items. 0 means no item.
type ref uint32

// typeRef refers to a type: an index into store.types. 0 means no type.
type typeRef uint32

// nameRef refers to an interned string: an index into names.list. 0 means no name, which
// differs from the empty name: a map key may be "".
type nameRef uint32

// clientRef refers to a client: an index into store.clients. Items hold this instead of
// the client id, which is twice as large.
type clientRef uint32

// noClient stands for an absent origin.
const noClient clientRef = 1<<32 - 1

// names interns root names, map keys and node names. Names are never removed; their total
// size is limited by the bytes that were applied.
type names struct {
	list  []string // list[0] is unused
	index map[string]nameRef
}

// intern returns the ref of a name and adds the name if need be.
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

// lookup returns the ref of a name, 0 if the name was never interned.
func (n *names) lookup(s string) nameRef { return n.index[s] }
