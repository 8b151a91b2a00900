// Package wire holds the codecs of Weft's WebSocket dialects. It is pure: no
// sockets, no clock, no locks, and nothing it is given is kept.
//
// A room speaks one language, the body: a y-protocols message beginning with
// its type, or one of Weft's own types 16 and 17. In the y-websocket dialect a
// frame is a body; in the native dialect it is a varuint channel and a body.
// The native dialect is described in server/PROTOCOL.md.
package wire
