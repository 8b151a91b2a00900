// Package feed keeps a room's recent updates once for all of its peers. Each peer has a
// Reader, a position in the feed, and takes what is new when its connection can carry
// more. So what is queued for a peer is a number and not a list of frames; everything that
// is new for it goes into one frame, and all peers at one position share that frame's bytes.
//
//	entry number      41     42     43     44     45
//	             ┌──────┬──────┬──────┬──────┬──────┐
//	dropped ...  │ u 41 │ u 42 │ u 43 │ u 44 │ u 45 │ ◀── Append (the room)
//	             └──────┴──────┴──────┴──────┴──────┘
//	                ▲             ▲                  ▲
//	   reader C     first         reader B           reader A
//	   next = 17    entry         next = 43          next = 46
//	   fell behind: kept          next frame:        has everything
//	   needs a diff               merge(43, 44, 45)
//
// Entries are numbered like the room's journal records, from 1.
//
// # What a reader gets, in this order
//
//  1. The bodies of a catch-up that the room has answered.
//  2. Updates of others from its position on, merged into one body of at most MergeBytes.
//  3. Its own updates, if it wants an echo (the ack of the y-websocket dialect): each alone and
//     unchanged, as clients may compare bytes, and only once it is durable.
//  4. Awareness that has changed since it last looked, in frames of at most
//     AwarenessFrameBytes.
//
// # Catch-up
//
// A reader needs an answer of the room when its client asked with sync step 1, or when
// entries that it has not read have been dropped. It is queued (Requested), and the room
// answers with a diff to a state vector: the client's, or that of the reader's Mark, a
// state vector that it is known to have. While it waits, Next returns nothing but earlier
// answers and awareness.
//
// # Bounds, and what full means
//
//   - Entries: KeptBytes (1 MiB, or one larger entry) and 4,096 entries. Full: the oldest are
//     dropped, and readers that have not read them are caught up by a diff.
//   - Merged bodies shared by readers at the same positions: 4 MiB; full: forgotten and merged
//     again when needed.
//   - Awareness: the newest state of each client; clients that are gone are kept for a
//     minute, MaxGone of them at most.
//   - Awareness frames shared by readers: 1 MiB; full: forgotten and encoded again.
//
// # Locks
//
// Feed.mu guards the feed and all of its readers. It is a leaf: nothing is called with it
// held but the sv function of Append, which computes. Shared has a lock of its own, taken
// without others.
package feed
