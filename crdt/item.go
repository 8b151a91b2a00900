package crdt

import "weft/crdt/internal/codec"

// The kinds of structs, under short names; package codec says what each holds.
const (
	kindGC      = codec.KindGC
	kindDeleted = codec.KindDeleted
	kindJSON    = codec.KindJSON
	kindBinary  = codec.KindBinary
	kindString  = codec.KindString
	kindEmbed   = codec.KindEmbed
	kindFormat  = codec.KindFormat
	kindType    = codec.KindType
	kindAny     = codec.KindAny
	kindDoc     = codec.KindDoc
	kindSkip    = codec.KindSkip

	kindFree codec.Kind = 15 // in memory only: a slot of the arena that can be used again
)

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
	metaMarker   = 0x80 // a cursor may stand at one of its units (seek.go)
	metaClient   = 8    // the client is the bits from here on
)

// maxClients is what item.meta can tell apart.
const maxClients = 1 << 24

func newMeta(c clientRef, k codec.Kind) uint32 { return uint32(c)<<metaClient | uint32(k) }

func (it *item) kind() codec.Kind  { return codec.Kind(it.meta & metaKind) }
func (it *item) deleted() bool     { return it.meta&metaDeleted != 0 }
func (it *item) client() clientRef { return clientRef(it.meta >> metaClient) }
func (it *item) end() uint32       { return it.clock + it.length }
func (it *item) hasOrigin() bool   { return it.originClient != noClient }
func (it *item) hasRight() bool    { return it.rightClient != noClient }
func (it *item) keyed() bool       { return it.place&placeKeyed != 0 }

// visible tells whether the item adds to the length of its list.
func (it *item) visible() bool { return !it.deleted() && it.kind().IsCountable() && !it.keyed() }

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
