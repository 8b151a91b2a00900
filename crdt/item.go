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
	kindFree    kind = 15 // in memory only: a slot that waits for reuse
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
// index. 48 bytes: a document is mostly these.
//
// A GC keeps clock, length and meta; all else is zero, but for the absent origins.
type item struct {
	clock  uint32 // of the first unit; the rest follow
	length uint32 // in units, ≥ 1; clock+length ≤ maxUnits

	meta uint32 // client<<8 | flags | kind

	originClient clientRef
	originClock  uint32    // meaningful if originClient is not noClient
	rightClient  clientRef // right origin
	rightClock   uint32    // meaningful if rightClient is not noClient

	// Neighbours in the parent's list; of a keyed item, in its key's chain of
	// values from oldest to live. Deleted items stay in place as anchors.
	left, right ref

	place placeRef // which list or which chain; 0 for a GC

	// Content: bytes [data, data+size) of store.bytes. What they hold depends on kind
	// (content.go). A kindType item has no bytes: data is its typeRef.
	data, size uint32
}

// The low byte of item.meta: the kind in four bits, and these.
const (
	metaKind     = 0x0f
	metaDeleted  = 0x10 // always set for kindGC and kindDeleted
	metaReserved = 0x20 // room beyond size is reserved, so that typing extends a run in place
	metaNested   = 0x40 // while a state is loaded: the parent is not known yet (load.go)
	metaCursor   = 0x80 // a cursor may stand at one of its units (seek.go)
	metaClient   = 8    // the client is the bits from here on
)

// maxClients is what item.meta can tell apart.
const maxClients = 1 << 24

func newMeta(c clientRef, k kind) uint32 { return uint32(c)<<metaClient | uint32(k) }

func (it *item) kind() kind        { return kind(it.meta & metaKind) }
func (it *item) deleted() bool     { return it.meta&metaDeleted != 0 }
func (it *item) client() clientRef { return clientRef(it.meta >> metaClient) }
func (it *item) end() uint32       { return it.clock + it.length }
func (it *item) hasOrigin() bool   { return it.originClient != noClient }
func (it *item) hasRight() bool    { return it.rightClient != noClient }
func (it *item) keyed() bool       { return it.place&placeKeyed != 0 }

// visible tells whether the item adds to the length of its list.
func (it *item) visible() bool { return !it.deleted() && it.kind().countable() && !it.keyed() }

func (it *item) sameOrigin(other *item) bool {
	return it.originClient == other.originClient && it.originClock == other.originClock
}

func (it *item) sameRightOrigin(other *item) bool {
	return it.rightClient == other.rightClient && it.rightClock == other.rightClock
}

// follows tells whether the item was written right behind the last unit of other, by
// the same client and in one go.
func (it *item) follows(other *item) bool {
	return it.originClient == other.client() && it.originClock == other.end()-1
}

// gc is what remains of units nobody can refer to any more.
func gc(c clientRef, clock, length uint32) item {
	return item{
		clock: clock, length: length, meta: newMeta(c, kindGC) | metaDeleted,
		originClient: noClient, rightClient: noClient,
	}
}

// typ is a type: a list of items and a map of chains. Both exist in every type,
// whatever it was declared as.
type typ struct {
	owner   ref      // the kindType item that holds it; 0 for a root
	start   ref      // first item of the list
	entries entryRef // first of its keys
	name    nameRef  // of a root: its name. Of XmlElement and XmlHook: the node name
	length  uint64   // units in the list that are visible
	shape   uint8    // as declared: 0 Array … 6 XmlText; 0 for roots, which do not say
	free    bool
}

// placeRef tells where an item stands: in the list of a type (a typeRef), or, with
// placeKeyed set, among the values of one key (an entryRef).
type placeRef uint32

const placeKeyed placeRef = 1 << 31

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
