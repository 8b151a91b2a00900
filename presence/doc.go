// Package presence tracks the people in each room. A room is named by an opaque
// string. A person is rolled up from their connections: all open tabs and devices.
//
// A person whose last connection to a room closes stays for a grace period, so that
// the others do not see a reload or a failover. The package imports nothing of
// Weft but its own folders.
//
// # From a change to the clients
//
//	Tracker: Join, Leave, Touch, MarkIdle           Typing: Set, Clear
//	   │ Diff: people who joined, changed, left        │ people typing in a place
//	   ▼                                               ▼
//	Watchers     one goroutine calls the watchers    onChange
//	   ▼
//	CrowdFilter  at most n people of a room
//	   ▼
//	Throttle     at most one diff per room and interval
//	   ▼
//	the caller's function
//
//	Tracker ─ Changed(user) ─▶ StatusWatchers ─ status over all rooms ─▶ StatusWatch
//
// [Memory] is the tracker of a single process; package presence/redis has the one
// for several. Package presence/awareness is independent of both: it keeps the
// awareness states of Yjs clients, such as carets. Package presencetest checks
// that a tracker keeps the contract of [Tracker].
//
// # Memory per connection
//
// A node serves many idle connections, so [Memory] needs 0.6 kB for each instead
// of 1.5 kB (BenchmarkConnections; tables in BENCHMARKS.md). Three measures, which
// belong together, buy that:
//
//   - smallMap instead of a Go map where there are mostly one or two entries: a
//     room's connections and people, a person's connections, a user's rooms, the
//     people of the CrowdFilter. It saves 1,302 bytes for each connection alone in
//     its room, 882 in rooms of ten, 852 in one large room.
//   - smallMap's pairs store the value before the key, because Go pads a struct
//     that ends with an empty field: 16 bytes.
//   - deadline.Heap stores its bookkeeping in the person, not in a map.
//
// Further savings, such as an LRU cache of our own instead of simplelru (0 to 9
// bytes), were not worth their code.
package presence
