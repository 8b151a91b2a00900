// Package wire holds the codecs of Weft's WebSocket dialects. It is pure: it
// opens no sockets, reads no clock, takes no locks and keeps nothing it is given.
//
// A room knows one language, the body: a y-protocols message that begins with its
// type, or a message of Weft's own types 16 (event) and 17 (ack). A dialect puts
// something before the body in each WebSocket frame:
//
//	y-websocket   nothing
//	Hocuspocus    the document's address, a varstring
//	native        the channel number, a varuint
//
// server/PROTOCOL.md describes the native dialect, hocuspocus.go the Hocuspocus
// dialect. Decoders accept any bytes from the network: they return an error that
// wraps ErrFrame, never panic, and allocate no more than the frame's size.
package wire
