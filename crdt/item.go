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

// item is one struct in memory: a run of units, or a GC. It takes 48 bytes; a document
// consists mostly of items. They hold no Go pointers, so that the garbage collector does not
// scan them, and refer to one another by index (see Memory in doc.go).
//
// Of a GC only clock, length and meta have a meaning. Its origins are absent.
type item struct {
	clock  uint32 // of the first unit; the other units have the clocks behind it
	length uint32 // in units, ≥ 1; clock+length ≤ maxUnits

	meta uint32 // client<<8 | flags | kind

	originClient clientRef
	originClock  uint32    // meaningful if originClient is not noClient
	rightClient  clientRef // right origin
	rightClock   uint32    // meaningful if rightClient is not noClient

	// Neighbours in the parent's list; for a keyed item, in its key's chain of values, from
	// the oldest to the live one. Deleted items stay in place, as anchors of others.
	left, right ref

	place placeRef // the list or chain in which the item stands; 0 for a GC

	// Content: bytes [data, data+size) of store.bytes, in a form that depends on kind
	// (content.go). A kindType item has no bytes: data is its typeRef.
	data, size uint32
}

// The low byte of item.meta: the kind in four bits, and four flags.
const (
	metaKind     = 0x0f
	metaDeleted  = 0x10 // always set for kindGC and kindDeleted
	metaReserved = 0x20 // bytes beyond size are reserved, so that typing extends a run in place
	metaNested   = 0x40 // while a state is loaded: the parent is not known yet (load.go)
	metaMarker   = 0x80 // a search marker may stand at one of its units (seek.go)
	metaClient   = 8    // the clientRef is in the bits from here on
)

// maxClients is how many clients item.meta can distinguish.
const maxClients = 1 << 24

func newMeta(c clientRef, k codec.Kind) uint32 { return uint32(c)<<metaClient | uint32(k) }

func (it *item) kind() codec.Kind  { return codec.Kind(it.meta & metaKind) }
func (it *item) deleted() bool     { return it.meta&metaDeleted != 0 }
func (it *item) client() clientRef { return clientRef(it.meta >> metaClient) }
func (it *item) end() uint32       { return it.clock + it.length }
func (it *item) hasOrigin() bool   { return it.originClient != noClient }
func (it *item) hasRight() bool    { return it.rightClient != noClient }
func (it *item) keyed() bool       { return it.place&placeKeyed != 0 }

// visible reports whether the item adds to the length of its list.
func (it *item) visible() bool { return !it.deleted() && it.kind().IsCountable() && !it.keyed() }

func (it *item) sameOrigin(other *item) bool {
	return it.originClient == other.originClient && it.originClock == other.originClock
}

func (it *item) sameRightOrigin(other *item) bool {
	return it.rightClient == other.rightClient && it.rightClock == other.rightClock
}

// follows reports whether the origin of the item is the last unit of other. Items that one
// client typed in one run follow one another.
func (it *item) follows(other *item) bool {
	return it.originClient == other.client() && it.originClock == other.end()-1
}

// gc returns a GC: what remains of units whose parent was deleted.
func gc(c clientRef, clock, length uint32) item {
	return item{
		clock: clock, length: length, meta: newMeta(c, kindGC) | metaDeleted,
		originClient: noClient, rightClient: noClient,
	}
}

// typ is a type: a list of items, and a map from keys to chains of items. Every type has
// both, whatever its declared shape.
type typ struct {
	owner   ref      // the kindType item that holds the type; 0 for a root
	start   ref      // first item of the list
	entries entryRef // the first of its keys
	name    nameRef  // the name of a root; the node name of an XmlElement or XmlHook
	length  uint64   // visible units of the list
	shape   uint8    // as declared: codec.ShapeArray … ShapeXMLText; 0 for roots, which declare none
	free    bool
}

// placeRef says where an item stands: in the list of a type (a typeRef), or, with
// placeKeyed set, in the chain of values of one key (an entryRef).
type placeRef uint32

const placeKeyed placeRef = 1 << 31

// entryRef refers to an entry: an index into store.entries. 0 means none.
type entryRef uint32

// entry is one key of one type, with the chain of the values that it has had.
type entry struct {
	parent typeRef
	key    nameRef
	first  ref      // leftmost item of the chain
	last   ref      // rightmost item of the chain: the live value, unless that is deleted
	next   entryRef // another key of the same type
}
