// Package lib0 reads and writes the primitive encodings that Yjs and its
// protocols are made of: variable-length integers, length-prefixed strings and
// bytes, and the self-describing value called "any".
//
// It is a leaf: it knows nothing of documents, and imports nothing but the
// standard library.
//
//	uvarint    7 bits a byte, least significant first, top bit = "more follows".
//	           0 … 2^53−1, JavaScript's safe integers. Read: padded forms too
//	           (81 00 is 1), ten bytes at most. Written: shortest form only.
//	varint     sign and magnitude, not zigzag. First byte: bit 7 more, bit 6
//	           sign, bits 5–0 the low magnitude; then 7 bits a byte. −0 exists.
//	varbytes   uvarint length, then so many bytes.
//	varstring  varbytes holding valid UTF-8 (browsers throw on anything else).
//	any        one tag byte, 116 … 127, then its payload; see [AppendAny].
//
// Nothing here panics on any input, and nothing allocates by a count that the
// input merely claims: every count is held against the bytes that are left.
//
// Encodings were checked against npm lib0 0.2; vectors in
// crdt/testdata/interop/yjs-vectors.json.
package lib0
