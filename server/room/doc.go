// Package room holds the live rooms. A room is one document with its awareness and its
// peers, each of them a connection that takes part in the room.
//
//	ws: TryReceive, Receive               ws: Wake ─▶ feed.Reader.Next; Deliver; Acked
//	      │ command                              ▲                  ▲           ▲
//	      ▼                                      │ feed             │ events    │ acks
//	┌─ Room ─────────────────────────────────────┴──────────────────┴───────────┴─┐
//	│ step: (state, command) ─▶ effects ─▶ apply ─┬─▶ flush ─▶ feed               │
//	│                                             └─▶ journal.Add                 │
//	└─────────────────────────────────────────────────────┬───────────────────────┘
//	                      Position: record n is durable ▲ │ record
//	                                                    │ ▼
//	                      journal: one commit for all rooms ─▶ store ◀─ Compactor
//
// A Hub opens a room when it is first needed and unloads it some time after its last peer
// has left; there is one instance of a room at any time. The document's updates are
// applied by a deterministic step (step.go, with its commands and effects in effect.go),
// and its effects are executed by Room.apply. The feed (package feed) keeps recent updates
// once for all peers. The journal (package journal) makes the updates of all rooms durable
// by group commit; only then may an ack leave. A Compactor turns long logs into snapshots.
//
// Nothing here knows of sockets or dialects: the implementation of Peer does.
//
// # Goroutines
//
//	goroutine          started by     ended by                    waited for by
//	a room's (run)     Hub.Open       Hub.Close, unloading, end   Hub.Close
//	the journal's      NewHub         Hub.Close                   Hub.Close
//	the Compactor's    NewHub         Hub.Stop, Hub.Close         Hub.Close
//
// A caller of a room's methods works for the room itself, with Room.mu held, if the room is
// small and at rest (inline.go).
//
// # Queues
//
//	queue                         bound                     full means
//	Room.commands                 32 commands               the caller waits, and its socket with it;
//	                                                        TryReceive returns false
//	Room.events                   4 MiB (Relay: 1 MiB)      Broadcast: the room ends, its peers
//	                                                        reconnect; Relay: the caller waits
//	flush.batch                   256 KiB                   it goes into the feed at once
//	Room.durable (acks, answers)  8 MiB                     the room takes no commands
//	feed: entries                 1 MiB, 4,096 entries      the oldest are dropped; readers behind
//	                                                        them are caught up by a diff
//	encodeCache                   4 MiB and one more        forgotten, encoded again
//	journal: queue of all rooms   64 MiB (Limits.Journal)   rooms take no commands, unless read-only
//	Compactor.unloaded            4,096 rooms               further logs wait for their next unloading
//
// # Locks
//
// A goroutine that holds a lock takes only locks to the right of it:
//
//	Room.mu > durableQueue.mu > { journal.Position, Peer's own locks, feed.Feed.mu }
//	Room.mu > { journal.Journal.mu, eventQueue.mu }
//
// Of each lock:
//
//   - Room.mu guards the state and all that is listed below it in Room. Its holder works for
//     the room, and calls peers. Callers only try to take it; the room's goroutine waits.
//   - durableQueue.mu is also taken by the journal's goroutine, without Room.mu.
//   - Hub.mu guards the hub's tables. No room's method is called with it held, and it is not
//     taken with a room's lock held.
//   - Compactor.mu, the lock of feed.Shared and the locks in braces are leaves: a goroutine
//     that holds one takes no other lock of this package.
//   - OnLimit may be called with any of Hub.mu, Room.mu and Journal.mu held.
package room
