package codec

import "weft/crdt/lib0"

// What the content of a struct is, by kind, and what format V1 puts in front of it:
//
//	kind     Struct.Content                       in front of it in an update (V1)
//	GC       none                                 uvarint length
//	Deleted  none                                 uvarint length
//	JSON     n × varstring (a JSON text or the    uvarint n
//	         bare word undefined)
//	Binary   varbytes                             nothing
//	String   UTF-8                                uvarint size in bytes
//	Embed    varstring (JSON text)                nothing
//	Format   varstring key, varstring JSON text   nothing
//	Type     none                                 uvarint shape, [varstring name]
//	Any      n × any                              uvarint n
//	Doc      varstring guid, any options          nothing
//
// Bytes of values are kept as they came. They are never decoded and encoded again, since
// neither the order of keys nor the spelling of numbers would survive that.

// ElementOffset returns the byte offset of the n-th element of JSON or Any content, which
// must have been validated.
func ElementOffset(k Kind, b []byte, n uint64) int {
	r := lib0.NewReader(b)
	for ; n > 0; n-- {
		if k == KindAny {
			r.SkipAny() //nolint:errcheck // validated when it was decoded
		} else {
			r.VarBytes() //nolint:errcheck // validated when it was decoded
		}
	}
	return r.Offset()
}

// AppendContent appends the content of a struct of length units, from its unit skip on.
// If the cut divides a surrogate pair, the second half becomes U+FFFD, as in Yjs.
func AppendContent(dst []byte, k Kind, b []byte, length, skip uint64) []byte {
	switch k {
	case KindGC, KindDeleted, KindSkip:
		return lib0.AppendUvarint(dst, length-skip)
	case KindString:
		if skip == 0 {
			return lib0.AppendVarBytes(dst, b)
		}
		offset, insidePair := UTF16Offset(b, int(length), int(skip))
		if !insidePair {
			return lib0.AppendVarBytes(dst, b[offset:])
		}
		rest := b[offset+4:]
		dst = lib0.AppendUvarint(dst, uint64(len(Replacement)+len(rest)))
		return append(append(dst, Replacement...), rest...)
	case KindJSON, KindAny:
		dst = lib0.AppendUvarint(dst, length-skip)
		if skip > 0 {
			b = b[ElementOffset(k, b, skip):]
		}
	}
	return append(dst, b...)
}
