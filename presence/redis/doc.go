// Package redis is a presence tracker for several nodes that share one Redis
// (7.0 or newer, or Valkey).
//
// A node keeps its own connections in memory and writes them to Redis in the
// background. It mirrors the rooms that it needs: it subscribes to the room's
// channel, reads the whole room after every message there, and publishes the
// difference to its watchers. A lost message therefore delays a change and never
// corrupts the picture. The keys and the channels are listed in keys.go.
//
// # Parts
//
//	Tracker        composes the parts; the methods of presence.Tracker
//	├ mirror       the rooms, connections and people that this node knows;
//	│              idle times and grace periods; reading rooms; diffs
//	├ writer       the queue of local changes, written to Redis by scripts
//	├ lease        this node's lifetime key; which other nodes are dead
//	├ subscription one pub/sub connection and the channels it needs
//	├ reaper       removes what dead nodes wrote
//	└ typing       publishes the typing marks of this node
//
// # From Join on node A to the diff on node B
//
//	node A                                 Redis                 node B
//	Join
//	  └ mirror: localConn, grace/idle timer
//	      └ writer queue ── put.lua ─────▶ HSET room entry, person
//	        (goroutine writer.run)         PUBLISH room "A" ───▶ subscription.run
//	Join returns ◀─ slot, since ──────────                        └ mirror.roomChanged
//	      └ Watchers: diff on A                                      └ read queue
//	                                       HGETALL room  ◀────────── mirror.runReader
//	                                                     ──────────▶ apply: diff
//	                                                                 └ Watchers
//
// user.lua does the same for the person over all rooms: it publishes on the
// person's channel, and StatusWatchers of node B read the status again. drop.lua
// removes an entry after the grace period and publishes like put.lua. Typing
// marks are only published ("A thread marks" on the room's channel) and never stored.
//
// # The lease
//
// Redis does not know which connections are alive. It knows which nodes are alive, by
// one lease for each node.
//
//   - A life is the time in which a node holds one lease, under one random node id.
//   - A node is degraded while it holds no lease, because Redis does not answer.
//   - A node settles for one and a half lease times after a new life has replaced a
//     former one. Meanwhile the other nodes may still be writing their entries again.
//
// The states of a lease:
//
//	degraded ── Redis answers ──────────▶ held, under a new node id
//	held     ── renewed every Lease/5 ──▶ held
//	held     ── Redis does not answer ──▶ degraded
//	held     ── in doubt ───────────────▶ new life
//	new life ── Redis answers ──────────▶ held, under a new node id
//	new life ── Redis does not answer ──▶ degraded
//
// A tracker starts degraded. A lease is in doubt if Redis may have lost what the node
// wrote: the lease has expired or has another value, Redis has another epoch, or the
// subscription was established again.
//
//   - A node that stops cleanly shortens its lease to the grace period.
//   - The lease of a node that crashes expires. All other nodes stop showing its
//     people, and one of them removes what the crashed node wrote.
//   - A degraded node serves its own people alone. After HideRemoteAfter it stops
//     showing the people of other nodes.
//   - A new life writes all connections again and reads all rooms again. The entries
//     of the former node id are left to be reaped. While it settles, the node declares
//     no node dead and keeps remote connections that are missing in Redis.
//
// # Goroutines
//
// The Tracker starts seven goroutines. The context that Close cancels stops them,
// and Close waits for them.
//
//	goroutine          waits for                       queue, bound, when full
//	lease.run          Lease/5, renewNow               –
//	mirror.runTimers   next deadline, at most 1 s      one deadline for each connection
//	mirror.runReader   readNow                         set of rooms: one entry for each
//	                                                   mirrored room
//	writer.run         wake                            one entry for each connection and
//	                                                   each local person: what is queued
//	                                                   is the state and not the change
//	subscription.run   messages of Redis               set of channels to change
//	reaper.run         wake                            set of dead nodes
//	typing.run         wake                            the latest marks of each place;
//	                                                   emptied while degraded
//
// The two goroutines of presence.Watchers and presence.StatusWatchers call the
// functions that the caller has registered.
//
// # Locks
//
//	mirror.mu ─▶ lease.mu
//	          ─▶ subscription.mu ─▶ StatusWatchers
//	          ─▶ reaper.mu, Watchers, StatusWatchers
//	typing.mu    alone
//
// mirror.mu guards rooms, connections, people and both queues of the writer: the
// state of a connection and its place in the queue change together. lease.mu is
// enough to read the state of the lease. It changes only while mirror.mu is held
// too, so that code under mirror.mu sees one life. No lock is held during an
// exchange with Redis.
package redis
