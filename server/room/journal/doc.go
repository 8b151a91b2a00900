// Package journal makes the updates of all rooms durable by group commit: everything
// that rooms have added since the last commit goes to disk in one transaction, with one
// fsync.
//
//	room A ─Add─┐    queue, in order            batch ≤ 16 MiB
//	room B ─Add─┼──▶ [A1 B1 A2 C1 … B7] ──────▶ [A1 B1 A2] ──AppendUpdates──▶ disk
//	room C ─Add─┘    ≤ Options.MaxBytes         by the journal's goroutine
//	                                                 │ after fsync
//	room A ◀── Position: 2 records are durable ──────┤
//	room B ◀── Position: 1 record is durable ────────┘
//
// Each room has a Position: how many of its records are durable. The room numbers its
// records 1, 2, 3 …; the journal moves the position to a record's number once that record
// is on disk. Acks and echoes wait for it.
//
// # Bounds, and what full means
//
//   - Queue: Options.MaxBytes (64 MiB unless set). Add itself never blocks or refuses; a
//     room must wait on Full before it takes the next command. So the queue exceeds its
//     bound by what rooms have accepted already.
//   - Batch: 16 MiB, or one record that is larger.
//   - Delay: an idle journal commits at once. Under load commits begin up to 10 ms apart, so
//     that each holds more records; 1 MiB in the queue is committed without that delay.
//
// # A failing disk
//
// A commit that fails is tried again after 50 ms, 100 ms … 2 s until it succeeds. A commit that has
// not returned after StallAfter counts as failing while it lasts. Health reports both;
// rooms are read-only meanwhile, so nothing more gathers that is not on disk. If the
// store reports that one room is damaged (store.ErrCorrupt), the batch is written room by
// room, and only the damaged room's Position fails.
//
// # Goroutine and locks
//
// New starts one goroutine; Close ends it and waits. Journal.mu guards the queue and the
// health, each Position has a lock of its own; none is held while the store or a
// callback is called, except that Options.OnFull is called with Journal.mu held.
package journal
