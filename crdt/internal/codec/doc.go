// Package codec reads and writes the parts of Yjs updates in format V1: structs, their
// content and delete sets. It also merges updates as bytes. It does not know
// documents: package crdt decides where a struct belongs among others.
//
//	update bytes ──Struct.Read──▶ Struct ──Struct.Append──▶ update bytes
//
// [Struct] is the common form of a struct for both update formats. Package v2 reads and
// writes the same Struct in format V2. ../../FORMAT.md draws the bytes.
//
// Errors are the rule that the bytes break (errors.go), without a position: callers
// know the position of the reader. Functions here keep no state between calls and are
// safe for concurrent use; a StructReader or SectionWriter belongs to one goroutine.
//
// Lengths and offsets of text are in UTF-16 code units where they are called units, and
// in bytes of UTF-8 where they are called bytes or offsets.
package codec
