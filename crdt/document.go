package crdt

import "weft/crdt/internal/codec"

// Options configure a document. The zero value is a document that applies and encodes
// updates; local edits need a ClientID.
type Options struct {
	// ClientID is the Yjs client id of local edits, an integer below 2^53. No other writer
	// may use it, nor this one after it lost its history: two writers with one client id
	// damage the document beyond repair. Choose it at random.
	ClientID uint64

	// KeepDeleted keeps the content of deleted items, as Yjs does with gc: false. Otherwise
	// only their place and length remain.
	KeepDeleted bool
}

// Doc is one document (Yjs: Y.Doc). It is not safe for concurrent use. That includes
// concurrent reads, which update search markers and caches.
type Doc struct {
	store       store
	pending     pending
	client      uint64
	keepDeleted bool
	maxSubdocs  int // LimitSubdocuments; 0: unlimited
	cache       cache

	busy    bool          // a transaction or a callback is running: no other change may start
	markers searchMarkers // known places of long lists

	// Both slices are replaced, never modified, so that a callback may unregister itself
	// while they are being ranged over.
	observers []*eventObserver
	listeners []*updateListener

	// Scratch space that calls reuse.
	deletes  codec.DeleteSet
	tx       txn
	parsed   parsedUpdate
	delivery delivery
	staged   []staging // by client; only during load
}

// New returns an empty document.
func New(opts Options) *Doc {
	d := &Doc{client: opts.ClientID, keepDeleted: opts.KeepDeleted}
	d.store.init()
	d.tx.doc = d
	return d
}

// ClientID returns the client id of local edits.
func (d *Doc) ClientID() uint64 { return d.client }

// HasPending reports whether structs or deletes are pending because updates that they
// depend on are missing. If that lasts, send the state vector to a peer and apply its
// answer.
func (d *Doc) HasPending() bool { return !d.pending.isEmpty() }

// StateVector returns, for each client, the first clock that the document does not have.
// Pending structs do not count.
func (d *Doc) StateVector() StateVector {
	sv := make(StateVector, len(d.store.clients))
	for i := range d.store.clients {
		if log := &d.store.clients[i]; log.state > 0 {
			sv[log.id] = uint64(log.state)
		}
	}
	return sv
}

// Roots returns the names of the root types, in the order in which this document first saw
// them. A root exists as soon as one item was ever written to it. It does not record whether
// it is a text, an array or a map.
func (d *Doc) Roots() []string {
	roots := make([]string, len(d.store.roots))
	for i, t := range d.store.roots {
		roots[i] = d.store.names.list[d.store.types[t].name]
	}
	return roots
}

// Length returns the number of visible units in the list of a root: UTF-16 units of text,
// embeds, array elements; 0 if there is no such root.
func (d *Doc) Length(root string) int {
	return int(d.store.types[d.store.findRoot(root)].length)
}
