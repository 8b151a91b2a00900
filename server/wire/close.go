package wire

// CloseCode is a WebSocket close code. After a code from 4400 to 4499, connecting
// again without a change is useless: the same would happen.
type CloseCode int

// The close codes that a client may see.
const (
	CloseNormal    CloseCode = 1000 // the connection is not needed any more
	CloseRestart   CloseCode = 1012 // the server is stopping; reconnect
	CloseOverload  CloseCode = 1013 // the server cannot serve this now; reconnect later
	CloseBadFrame  CloseCode = 4400 // the client sent a malformed message
	CloseAuth      CloseCode = 4401 // the token is missing, invalid or expired
	CloseForbidden CloseCode = 4403 // the token does not allow this
	CloseDeleted   CloseCode = 4404 // the room is deleted
	CloseSlow      CloseCode = 4408 // the client reads too slowly or is silent
	CloseTooLarge  CloseCode = 4413 // a message or document is over its limit
	CloseRate      CloseCode = 4429 // too many connections or rooms
)
