package crdt

// Options say how a document behaves. The zero value reads and merges; to edit it
// locally, give it a client id.
type Options struct {
	// ClientID signs what is written through this Doc: an integer below 2^53 that no
	// other writer uses, nor this one after losing its history. Two writers under one
	// id destroy the document beyond repair. Draw it at random.
	ClientID uint64

	// KeepDeleted keeps the content of what was deleted, for the sake of history.
	// Otherwise only its place and length remain.
	KeepDeleted bool
}

// Doc is one document. It is not safe for concurrent use, reading included: searches
// leave hints.
type Doc struct {
	store       store
	pending     pending
	client      uint64
	keepDeleted bool
	maxSubdocs  int // 0: any
	cache       cache

	busy    bool    // in a transaction or a callback: no other change may begin
	cursors cursors // known places of long lists

	observers []*eventObserver // replaced, never changed: one that is called may stop
	listeners []*updateListener

	// Scratch, used again by each call.
	deletes  deleteSet
	tx       txn
	parsed   parsed
	delivery delivery
	staged   []staging // by client; only during load
}

// New is an empty document.
func New(opts Options) *Doc {
	d := &Doc{client: opts.ClientID, keepDeleted: opts.KeepDeleted}
	d.store.init()
	d.tx.doc = d
	return d
}

// ClientID is the id under which local edits are signed.
func (d *Doc) ClientID() uint64 { return d.client }

// HasPending tells whether structs or deletes wait for updates that have not come. If
// that lasts, ask the peers with a state vector.
func (d *Doc) HasPending() bool { return !d.pending.empty() }

// StateVector tells what the document knows; pending structs do not count.
func (d *Doc) StateVector() StateVector {
	sv := make(StateVector, len(d.store.clients))
	for i := range d.store.clients {
		if log := &d.store.clients[i]; log.state > 0 {
			sv[log.id] = uint64(log.state)
		}
	}
	return sv
}

// Roots lists the names of the root types, in order of first mention here. A root
// exists from the first item in it on, and does not tell what kind of type it is.
func (d *Doc) Roots() []string {
	roots := make([]string, len(d.store.roots))
	for i, t := range d.store.roots {
		roots[i] = d.store.names.list[d.store.types[t].name]
	}
	return roots
}

// Length is how many visible units the list of a root holds: UTF-16 units of text,
// embeds and array elements; 0 if there is no such root.
func (d *Doc) Length(root string) int {
	return int(d.store.types[d.store.findRoot(root)].length)
}
