// Package crdt is a Yjs-compatible document engine. It applies the updates that Yjs
// clients send, in any order and any number of times, and answers with the bytes that Yjs
// itself would send: full state and state vector are equal to those of Yjs 13.6 byte for
// byte.
//
// The package is pure: no clock, no locks, no network, no logging, no goroutines. It locks
// nothing, so the caller of a [Doc] serialises all access to it, reading included, and
// chooses its client id. Functions without a Doc are safe for concurrent use.
//
// # Glossary
//
// The words are those of Yjs, where Yjs has one.
//
//	client id     one writer, for the life of one document instance; an integer below
//	              2^53, which browsers draw at random
//	unit          what clocks and lengths count. Of text: one UTF-16 code unit (not a
//	              byte, not a rune), since that is how JavaScript measures strings. Of
//	              arrays: an element. A formatting mark or a nested type is one unit
//	clock         a client's number of units written so far; contiguous from 0
//	ID            (client id, clock): the name of one unit, for ever
//	item          a run of units with consecutive IDs that stand side by side
//	struct        an item; or a GC, which is a run of units of which only the length
//	              remains; or a Skip, which stands for units left out of an update
//	origin        the unit that stood directly left when an item was written
//	right origin  the unit that stood directly right then
//	type          a list of items and a map from keys to chains of items. Root types
//	              have a name; nested types are held by an item. Whether a root is a
//	              text, an array or a map is decided by its reader
//	mark          a unit that begins or ends formatting: "from here on, key is value"
//	update        structs of some clients and a delete set
//	delete set    ranges of clocks, by client. Deleting writes no structs
//	state vector  per client, the first clock that is not known
//	pending       structs and deletes whose dependencies have not arrived yet (Yjs's
//	              pendingStructs)
//	search marker a known position in a long list (Yjs's searchMarker)
//	format        V1 or V2: the two encodings of updates, see FORMAT.md
//	client log    one client's structs in the order of clocks
//	place         a list of a type, or the chain of values of one key
//	conflict      an item between the two origins of another item, written concurrently
//	siblings      items with the same origin and the same right origin
//
// # Laws
//
// Tested at random, with a printed seed, in laws_test.go:
//
//	order       two documents that applied the same updates encode to the same
//	            bytes, in whatever order and however often the updates arrived
//	exchange    after b.ApplyUpdate(a.EncodeStateAsUpdate(b.StateVector())) b contains
//	            everything that a contains
//	idempotence applying a known update changes nothing, and ApplyUpdate returns false
//	refusal     an update that returns an error has changed nothing
//	round trip  a document loaded from its full state encodes to that state
//	atomicity   a transaction that returns an error has changed nothing
//
// The order law has two exceptions that Yjs shares:
//
//   - Splitting a surrogate pair turns both halves into U+FFFD in the replica that splits.
//     Editors never do that, and the editing calls here refuse to.
//   - When a type is deleted whose keys were overwritten before, the order decides whether
//     the remaining GCs are one or several. They mean the same.
//
// # Editing and reading
//
// The content of a document is read and edited through views: [Text], [Array], [Map] and
// [XMLFragment] with [XMLElement] and [XMLText]. The view of a root is made from its name.
// The view of a nested type is returned when the content around it is read. Reading needs
// nothing else. An edit needs a transaction, which makes one update of all its edits:
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
// is the same update, byte for byte. [Doc.Observe] and [Doc.OnUpdate] report changes, both
// local ones and those of applied updates.
//
// A root does not say what it is, so any view of it is allowed. Each reads what it
// understands and ignores the rest:
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
// # From bytes to document
//
// ApplyUpdate does the following, for V1 as for V2:
//
//	bytes ──parse──▶ structs by client ──deliver──▶ structs in causal order
//	      (apply.go, internal/codec)   (causal.go)           │
//	                                                         ▼ integrate.go
//	        conflict resolution: the item's place in its list, and its slot in the arena
//	                                                         │
//	  structs without their dependencies ──▶ pending         ▼
//	  (pending.go)                             delete set: mark items as deleted (txn.go)
//	                                                         │
//	                                                         ▼ commit
//	                     drop deleted content, merge neighbours (cleanup.go), call observers
//
// All bytes are checked before anything is changed. The work of integration is counted,
// and an update that takes too much is rolled back (budget.go). A whole state that meets
// an empty document takes a faster way with the same result (load.go).
//
// # Memory
//
// A document lives in a few slices, the arena (store.go). Items hold no Go pointers. They
// refer to one another by ref, which is an index into store.items:
//
//	store.items   [0: unused][1: "Hel"][2: "lo"][3: free][4: deleted][5: "!"] …
//	                          48 bytes each
//	list of a type            1 ⇄ 5 ⇄ 4 ⇄ 2           by item.left and item.right
//	log of client 7           1, 2, 4                  refs in the order of clocks
//	log of client 9           5
//	store.bytes   …Hello!…                             content, by item.data and item.size
//
// To find an ID, look up the client's log and search it by clock (log.go). Logs are divided
// into chunks, so that splitting an item moves few refs. Free slots are reused.
//
// This saves the overhead of one allocation and eight-byte pointers for each item, and the
// garbage collector scans none of it: a server with thousands of documents has a few
// objects for each. In exchange, refs are valid only within one Doc, and pointers to items
// only until the next item is added.
//
// # Conflict resolution
//
// Clients 1, 2 and 3 concurrently insert A, B and C between x and y. All three items have
// the origin x and the right origin y. Suppose that they arrive in the order B, C, A:
//
//	x y           B: nothing between x and y; B is placed behind x
//	x B y         C: scan passes B. Same origin, 2 < 3: C goes behind B
//	x B C y       A: scan meets B. Same origin, 2 > 1, same right origin: stop
//	x A B C y
//
// Any other order gives the same result: ascending client ids. Suppose now that client 2
// goes on typing and inserts b behind B before A and C arrive. b has the origin B, which
// lies among the items walked over. C has moved behind B, so it moves behind b as well, and
// the run Bb stays together:
//
//	x B b y       C: passes B (behind it), b has its origin in B: behind that as well
//	x B b C y
//
// The algorithm is YATA, as in Yjs; integrate.go has the rules.
//
// # The sibling index
//
// The scan takes as many steps as there are concurrent items at the place. If n clients
// insert at one place, all scans together take n²/2 steps: for 20,000 clients with updates
// of a few bytes, minutes. So after a scan of more than 64 steps the siblings of that place
// are put into a sorted index, and each further insert is a binary search: n log n steps in
// all.
//
//	origin  [3 . . .][7 .][9][12 . . .]  right origin     items at the place, by client id;
//	         ▲        ▲    ▲  ▲                           dots: items inserted behind them
//	index    3        7    9  12                          client 8 goes in front of 9
//
// Conflict resolution makes three calls: place (find the place by an index), build (after a
// long scan) and keepTrue (after an item was placed without an index). siblings.go has the
// invariant that makes the order so simple, and what happens when an item breaks it.
//
// # Pending
//
// A struct depends on its client's preceding unit, on its two origins and on its parent. If
// one of them is missing, the struct is kept, encoded, until it arrives:
//
//	update with unknown dependency ──▶ pending ──dependency arrives──▶ integrated
//
// Pending structs and deletes are part of the full state, but not of the state vector. They
// are limited by [MaxPendingBytes], [MaxPendingStructs] and [MaxPendingDeletes]; an update
// that would exceed a limit is refused with [ErrPendingFull].
//
// # Search markers
//
// Edits name positions by index, and lists are linked. A walk over a long list leaves a
// search marker every 32 items, and the next walk begins at the nearest one (seek.go):
//
//	list     [....][...][.....] … [...][....] … [..]
//	markers   ▲ 0                 ▲ 1840        ▲ 3710     visible units in front
//
// Local edits shift the markers behind them. An applied update clears them all.
//
// # Where to look
//
//	document.go transact.go edit.go   the Doc, transactions, one-line edits
//	type.go text.go array.go map.go   views; also xml.go, value.go, subdocuments.go
//	id.go item.go store.go log.go     IDs and refs, items, the arena, the logs of clients
//	content.go offsets.go             content bytes; byte offsets of units in long runs
//	apply.go causal.go pending.go     applying an update; causal order; pending structs
//	integrate.go                      conflict resolution
//	siblings.go sibling_index.go      a sorted index of siblings, for crowded places
//	load.go                           a whole state into an empty document
//	txn.go cleanup.go budget.go       what a change records; garbage; work limits, rollback
//	seek.go position.go               index → item, search markers; relative positions
//	text_format.go marks.go           formatting
//	encode.go cache.go                encoding documents
//	apply_v2.go encode_v2.go          the same for format V2
//	operations.go split.go            updates as bytes: merge, diff, split
//	snapshot.go observe.go export.go  snapshots, events, plain JSON, text and XML
//	check.go                          the invariants, for tests
//	internal/codec                    structs, delete sets and merging in format V1
//	internal/v2                       format V2: columns, encoder, decoder, cost model
//	internal/jsvalue                  JSON text ↔ lib0 any values, as in a browser
//	internal/oracle                   a naive list CRDT, for tests
package crdt
