// Package lib0 reads and writes the primitive encodings of Yjs and its protocols, which are
// those of the npm package lib0: variable-length integers, length-prefixed strings and
// bytes, and the self-describing value called "any".
//
// It imports only the standard library.
//
//	uvarint    7 bits per byte, least significant first; the top bit says that more
//	           bytes follow. Range 0 … 2^53−1, JavaScript's safe integers. The reader
//	           accepts padded forms (81 00 is 1) of up to ten bytes; the writer
//	           produces the shortest form.
//	varint     sign and magnitude, not zigzag. First byte: bit 7 more bytes follow, bit 6
//	           sign, bits 5–0 the low magnitude; then 7 bits per byte. −0 exists.
//	varbytes   uvarint length, then as many bytes.
//	varstring  varbytes of valid UTF-8 (browsers throw on anything else).
//	any        one tag byte, 116 … 127, then its payload; see [AppendAny].
//
// No input makes this package panic. It never allocates in proportion to a count in the
// input before it has checked that the remaining bytes can hold as many elements.
//
// The encodings were compared with npm lib0 0.2; the vectors are in
// crdt/testdata/interop/yjs-vectors.json.
package lib0
