// Package ws is the WebSocket door. It serves three protocols, called dialects, and is
// the only package that knows Melody, which runs the read and write loops of each
// connection.
//
//	client ── netpoll.Conn ──┬── inline ────────────────────┬── conn ── dialect ── peer ── room
//	                         └── gorilla ── Melody ─────────┘            │
//	client ── netpoll.Conn ──┬── inline ───────── outbox ────────────────┘
//	                         └── gorilla ── Melody ──┘
//
// A conn is one WebSocket. Its dialect decodes frames and answers them: yWebsocket (one
// room), hocuspocus (many documents) or native (many rooms, events, chat). A peer is the
// connection's membership in one room; the room gives it what the client must receive.
// The outbox of a connection keeps that in order and writes one frame at a time.
// Messages to clients never wait for a client: see outbox.
//
// # Goroutines
//
// Melody has two goroutines for each connection: one reads and handles messages, one
// writes those that cannot be written at once. Most messages pass both by, on goroutines
// of the poller in package netpoll and of the rooms. A Door has one goroutine of its own,
// which keeps connections alive and finds those that are not (keepalive.go).
//
// # Locks
//
// In the order in which they are taken. A room's lock may be held when peer.mu or
// outbox.mu is taken; no room is called while either of them is held.
//
//	conn.dialectMu   held while the dialect handles a frame, which may wait for a room or
//	                 the disk; so nothing that a room or a writer calls may take it
//	peer.mu          what a peer has to send
//	outbox.mu        what a connection has to send
//	Door.mu, userIndex.mu, presences.mu, admission.mu: held briefly; no other lock is
//	                 taken while one of them is held
package ws
