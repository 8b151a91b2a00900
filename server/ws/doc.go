// Package ws is the WebSocket door. It serves three protocols, called dialects, and is
// the only package that knows Melody, which runs the read and write loops of each
// connection.
//
//	received   client ─▶ netpoll.Conn ─┬─ inline ───────────┬─▶ conn ─▶ dialect ─▶ peer ─▶ room
//	                                   └─ gorilla ─ Melody ─┘
//	sent       client ◀─ netpoll.Conn ◀┬─ inline ───────────┬── sendQueue ◀─ peer ◀────── room
//	                                   └─ gorilla ─ Melody ─┘
//
// A conn is one WebSocket. Its dialect decodes frames and answers them: yWebsocket (one
// room), hocuspocus (many documents) or native (many rooms, events, chat). A peer is the
// connection's membership in one room; the room gives it what the client must receive.
// The send queue of a connection keeps that in order and writes one frame at a time. A room
// never waits for a client: what a slow client must receive is bounded, see sendQueue.
//
// # Goroutines
//
// Melody has two goroutines for each connection. One reads and handles messages, the
// other writes those that cannot be written at once. Most messages bypass both: they are
// handled on a goroutine of the poller in package netpoll, and written by the goroutine
// that works for the room.
//
// A Door has one goroutine of its own (keepalive.go). Short-lived ones store members and
// renew rights; Door.Wait waits for all of them, and for the connections.
//
// # Locks
//
// In the order in which they are taken. A room's lock may be held when peer.mu or
// sendQueue.mu is taken; no room is called while either of them is held.
//
//	conn.dialectMu   held while the dialect handles a frame, which may wait for a room or
//	                 the disk; so nothing that a room or a writer calls may take it
//	peer.mu          what a peer has to send
//	sendQueue.mu        what a connection has to send
//	Door.mu          the set of connections
//	userIndex.mu     the connections of a user; Door.mu may be held
//	presences.mu, admission.mu: no other lock is taken while one of them is held
package ws
