// Package sqlite keeps everything in one SQLite file: it is a store.Store and
// a notify.Inbox. The driver is modernc.org/sqlite, so there is no cgo.
//
// # One file, one owner
//
// A store has one writing connection and a few that only read. WAL with
// synchronous=FULL makes a commit durable before it is acknowledged. A lock on
// FILE.lock keeps a second process out, because the index described below
// lives in memory and must know of every write.
//
// # Writes
//
// All writes go through one goroutine. Callers hand it a function and wait;
// the functions queued during one commit become the next commit, each inside its
// own savepoint. A caller whose context ends before
// its function has been taken returns with nothing done; after that the commit runs to
// its end.
//
// # Documents
//
// The log is append-only and shared by all documents. It has no index by
// document: one would make every append touch a random page. Instead the ids
// of each document's records are kept in memory, for records that no snapshot
// holds. They are read back when the file is opened (ids, document numbers and lengths
// only), which takes about 250 ms per 100,000 records. Compaction keeps that number
// small.
//
// Record ids are given out here and never again, even after the rows are gone:
// a snapshot says "through id 41", and an id used twice would make a new record
// look as if that snapshot held it.
//
// Every record's checksum covers its bytes, its id, its document and the id of
// the record before it. So a changed, missing, swapped or foreign record breaks
// the chain, and LoadPart returns store.ErrCorrupt instead of less than was stored. A
// chain does not show the loss of its last records. Therefore the id of a document's
// last record, its head, is stored once nobody has written to the document for 10 s,
// and when the store closes. Only one loss goes unnoticed: that of the last records of a
// document that was written to in the 10 s before a crash.
//
// Damage found when the file is opened closes the documents it is in, with
// store.ErrCorrupt, and no others; Damage returns it. Room names are read from the
// table and from its index; a document for which they differ is not served. A record
// that names no existing document is given back to the document its checksum fits.
//
// Compaction writes the new snapshot, keeps the one before, and moves the records
// between the two from the log into one row, the tail:
//
//	before   snapshot A | log: 1 2 3 4 5
//	after    snapshot A | tail: 1 2 3 | snapshot B (through 3) | log: 4 5
//
// If snapshot B is damaged later, A and the tail give the same document. A long log is
// compacted in parts, so a tail is as long as a part.
package sqlite
