// Package jsvalue converts values between the two forms that updates use, exactly as a
// browser does. Update V1 holds the values of embeds and formats as JSON texts, update V2
// as any values of lib0.
//
//	JSON text ──Parser (JSON.parse)──▶ any value
//	JSON text ◀──Stringifier (JSON.stringify)── any value
//
// Both convert while they read, without building the value. The only thing they hold is
// where the members of the objects they are in lie, because JavaScript orders members:
// keys that spell array indices come first, ascending (order.go).
//
// Nothing here is safe for concurrent use except the functions.
package jsvalue
