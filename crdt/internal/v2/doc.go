// Package v2 reads and writes Yjs updates in format V2. The form of a struct is that of
// format V1, codec.Struct; documents do not know in which format an update came.
//
// Format V2 keeps each field of all structs together, in a column, and writes runs of
// repeated values once (columns.go). ../../FORMAT.md draws the bytes.
//
//	update V2 ──Decoder──▶ codec.Struct ──Encoder──▶ update V2
//
// A few bytes can stand for very many structs. Decoder.Survey therefore reads an update
// once without keeping anything, and refuses it if it is too dense (cost.go).
//
// Errors are the rule that the bytes break, without a position; Decoder.Offset has that.
package v2
