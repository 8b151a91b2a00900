package crdt

// kind says what a struct holds: its number on the wire, the low five bits of the
// info byte.
type kind uint8

const (
	kindGC      kind = 0  // n units of which only the number is known
	kindDeleted kind = 1  // n units that were deleted; still an anchor for neighbours
	kindJSON    kind = 2  // n JSON texts (written by Yjs before 13.0)
	kindBinary  kind = 3  // one byte array
	kindString  kind = 4  // n UTF-16 units of text
	kindEmbed   kind = 5  // one JSON text, an object within text
	kindFormat  kind = 6  // one mark "from here on, key is value"; invisible
	kindType    kind = 7  // one nested type
	kindAny     kind = 8  // n any values
	kindDoc     kind = 9  // one subdocument: its guid and options, not its content
	kindSkip    kind = 10 // n units left out; in updates only
	kindFree    kind = 31 // in memory only: a slot that waits for reuse
)

// countable tells whether units of this kind add to the visible length of a list.
func (k kind) countable() bool {
	return k != kindGC && k != kindDeleted && k != kindFormat
}

// runs tells whether one item of this kind may hold several units, so that it may
// be split and may absorb its right neighbour.
func (k kind) runs() bool {
	return k == kindGC || k == kindDeleted || k == kindJSON || k == kindString || k == kindAny
}

// item is one run of units in memory. Items hold no Go pointers: they lie in one
// slice, which the garbage collector never looks into, and point at one another by
// index.
//
// A GC keeps clock, length, client and kind; all else is zero.
type item struct {
	clock  uint64 // of the first unit; the rest follow
	length uint64 // in units, ≥ 1

	originClock uint64 // meaningful if originClient is not noClient
	rightClock  uint64 // meaningful if rightClient is not noClient

	client       clientRef
	originClient clientRef
	rightClient  clientRef // right origin

	// Neighbours in the parent's list; of a keyed item, in its key's chain of
	// values from oldest to live. Deleted items stay in place as anchors.
	left, right ref

	parent typeRef
	key    nameRef // 0: in the list. Else: a value of this key in the map

	// Content: bytes [data, data+size) of store.bytes, and room ≥ size reserved
	// there, so that typing extends a run in place. What the bytes hold depends on
	// kind (content.go). A kindType item has no bytes: data is its typeRef.
	data, size, room uint32

	mark    uint32 // when the last conflict scan passed here (integrate.go)
	kind    kind
	deleted bool // always set for kindGC and kindDeleted
}

func (it *item) end() uint64 { return it.clock + it.length }

func (it *item) hasOrigin() bool { return it.originClient != noClient }

func (it *item) hasRightOrigin() bool { return it.rightClient != noClient }

func (it *item) sameOrigin(other *item) bool {
	return it.originClient == other.originClient && it.originClock == other.originClock
}

func (it *item) sameRightOrigin(other *item) bool {
	return it.rightClient == other.rightClient && it.rightClock == other.rightClock
}

// typ is a type: a list of items and a map of chains. Both exist in every type,
// whatever it was declared as.
type typ struct {
	owner   ref      // the kindType item that holds it; 0 for a root
	start   ref      // first item of the list
	entries entryRef // first of its keys
	length  uint64   // countable units in the list that are not deleted
	name    nameRef  // of a root: its name. Of XmlElement and XmlHook: the node name
	shape   uint8    // as declared: 0 Array … 6 XmlText; 0 for roots, which do not say
	free    bool
}

// entryRef points to an entry: an index into store.entries. 0 is none.
type entryRef uint32

// entry is one key of one type.
type entry struct {
	parent typeRef
	key    nameRef
	first  ref      // leftmost item of the chain
	last   ref      // rightmost item of the chain: the live value, unless deleted
	next   entryRef // another key of the same type
}
