// Package crdt is a Yjs-compatible document engine. It applies the updates that
// Yjs clients send, in any order and any number of times, and answers with the
// bytes that Yjs itself would send: full state and state vector are equal to those
// of Yjs 13.6 byte for byte.
//
// The package is pure: no clock, no locks, no network, no logging, no goroutines.
// Whoever holds a [Doc] serialises access to it and picks its client id.
//
// # Words
//
//	client      one writer for the life of one document instance; an integer
//	            below 2^53, drawn at random by browsers
//	clock       a client's count of units written so far; contiguous from 0
//	unit        what a clock counts. Of text: one UTF-16 code unit (not a byte,
//	            not a rune), since that is how JavaScript measures strings.
//	            Of arrays: an element. A format mark or a nested type is one.
//	ID          (client, clock): the name of one unit, for ever
//	item        a run of units with consecutive IDs that stand side by side
//	origin      the unit that stood just left when an item was written
//	right origin  the unit that stood just right then
//	type        what holds items: a list, and a map from key to a chain of items.
//	            Roots have a name; nested types live inside an item. Whether it is
//	            a text, an array or a map is the reader's view, not the engine's
//	update      items of some clients plus a delete set
//	delete set  ranges of clocks, by client. Deleting writes nothing new
//	state vector  per client, the first clock that is not known
//	struct      an item, or a GC (a run of units whose parent is gone: only its
//	            length remains), or a Skip (in updates only: units left out)
//	pending     structs and deletes that came before what they build on
//
// # Laws
//
// Tested at random, with a printed seed, in laws_test.go:
//
//	order       any two documents that took the same updates encode to the same
//	            bytes, whatever the order, however often each came
//	exchange    b.Apply(a.EncodeStateAsUpdate(b.StateVector())) brings b up to a
//	rest        applying what is known changes nothing, and says so
//	refusal     an update that returns an error has left no trace
//	round trip  a document loaded from its full state encodes to that state
//
// The order law has an exception that Yjs shares: cutting a surrogate pair in two
// turns both halves into U+FFFD in the replica that cuts. Editors never do it, and
// the editing calls here refuse to.
//
// # Example
//
//	doc := crdt.New(crdt.Options{ClientID: 7})
//	if _, err := doc.ApplyUpdate(fromBrowser); err != nil {
//		return err // refused; doc is as it was
//	}
//	update, err := doc.InsertText("notes", 0, "Hello ") // send to the others
//	snapshot := doc.EncodeStateAsUpdate(nil)            // keep on disk
//
// # Reading on
//
// FORMAT.md draws the bytes. integrate.go is the heart: where a new item goes.
// item.go says how documents lie in memory; txn.go what happens around a change.
package crdt
