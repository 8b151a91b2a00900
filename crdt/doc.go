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
//	all or nothing  a transaction that returns an error has changed nothing
//
// The order law has two exceptions that Yjs shares. Cutting a surrogate pair in two
// turns both halves into U+FFFD in the replica that cuts; editors never do it, and the
// editing calls here refuse to. And when a type is deleted whose keys were overwritten
// before, it depends on the order whether the GCs that remain are one or several; they
// mean the same.
//
// # Editing and reading
//
// What a document holds is reached through views: [Text], [Array], [Map] and
// [XMLFragment] with [XMLElement] and [XMLText]. A view of a root comes from its name,
// that of a nested type from reading what is around it. Reading needs nothing else.
// Changing needs a transaction, which makes one update of all its edits:
//
//	notes := doc.Text("notes")
//	update, err := doc.Transact(func(tx *crdt.Tx) error {
//		if err := notes.Insert(tx, 0, "Hello "); err != nil {
//			return err // and the document is as it was
//		}
//		return notes.Format(tx, 0, 5, crdt.Attributes{"bold": true})
//	})
//
// Edits are those of Yjs: the same edit under the same client id in the same document
// is the same update, byte for byte. [Doc.Observe] and [Doc.OnUpdate] tell of changes,
// whoever made them.
//
// A root does not say what it is, so any view of it is allowed. Each reads what it
// understands and passes over the rest:
//
//	root holds       Text               Array                 Map     XMLFragment
//	text             the text           its units, one by one   -     the text
//	embeds, formats  in Delta           embeds                  -     embeds, printed
//	values           -                  the values              -     values, printed
//	nested types     in Delta           their views             -     elements, text
//	keys             Attribute          -                     all     -
//
// Length counts the same in all of them: visible units of the list.
//
// # A server
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
// FORMAT.md draws the bytes. integrate.go is the heart: where a new item goes; siblings.go
// is its short cut through crowds. item.go says how documents lie in memory; txn.go what
// happens around a change; load.go how a whole state comes in at once. text_format.go
// tells how formatting lies in text, seek.go how an index is found.
package crdt
