package wire

// CloseCode is a WebSocket close code of Weft's contract. Those from 4400 to
// 4499 mean that trying again unchanged is no use.
type CloseCode int

// The close codes a client may see.
const (
	CloseNormal    CloseCode = 1000
	CloseRestart   CloseCode = 1012 // the server goes away; come back
	CloseOverload  CloseCode = 1013 // come back later
	CloseBadFrame  CloseCode = 4400
	CloseAuth      CloseCode = 4401
	CloseForbidden CloseCode = 4403
	CloseDeleted   CloseCode = 4404
	CloseSlow      CloseCode = 4408 // too slow, or silent
	CloseTooLarge  CloseCode = 4413
	CloseRate      CloseCode = 4429
)
