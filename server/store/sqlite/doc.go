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
// what has queued up while one commit was under way becomes the next commit,
// each function inside its own savepoint. A caller whose context ends before
// its turn is let go with nothing done; after that the commit runs to its end.
//
// # Documents
//
// The log is append-only and shared by all documents. It has no index by
// document: one would make every append touch a random page. Instead the ids
// of each document's unfolded records are kept in memory and read back when the
// file is opened, ids, document numbers and lengths only, about a quarter of a
// second per 100,000 records. Folding keeps that number small.
//
// Record ids are given out here and never again, even after the rows are gone:
// a snapshot says "through id 41", and an id used twice would make a new record
// look folded.
//
// Every record's checksum covers its bytes, its id, its document and the id of
// the record before it. So a changed, missing, swapped or foreign record breaks
// the chain, and LoadPart says store.ErrCorrupt instead of returning less than
// what was stored. A chain cannot see the loss of its last link: for that the
// document's head is written down, once it has been quiet for 10 s and when the
// store closes. So what nothing shows is the loss of the end of a document that
// was written to in the last seconds before a crash.
//
// Damage found when the file is opened closes the documents it is in, with
// store.ErrCorrupt, and no others; Damage tells of it. Names are read by both
// ways that lead to a document, and where they differ neither is served. A
// record that names no document is given back to the one its checksum fits.
//
// A fold writes the new snapshot, keeps the one before, and packs the records
// between the two, taken out of the log, into one row, the tail. If the newest
// snapshot goes bad, the older one and the tail give the same document. A long
// log is folded in parts, so a tail is as long as a part.
package sqlite
