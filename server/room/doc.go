// Package room holds the live rooms: where updates meet, and where the
// goroutines are.
//
// A Hub opens a room when the first peer comes and closes it some time after
// the last has left; there is one instance of a room at any time. A Room is a
// goroutine that owns a document and carries out commands by a pure step,
// which says what to send to whom and what to write. A Journal commits what all
// rooms write, many updates at a time, and only then may an author's ack leave.
// A Folder turns long logs into snapshots in the background.
//
// Nothing here knows of sockets or dialects: a Peer does.
package room
