package crdt

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"

	"weft/crdt/lib0"
)

// Values of embeds and formats are JSON texts in update V1 and any values in V2. What
// converts one to the other does what a browser does: JSON.parse (json_any.go) and
// JSON.stringify (any_json.go). Both write as they read; nothing is held but the places
// of the members of the objects they are in.

// member is one property of an object: where its key and its value lie in two buffers.
// A value without bytes is undefined.
type member struct {
	keyFrom, keyTo uint32
	from, to       uint32
}

// tidy brings the members of an object into the order that JavaScript gives them, and
// tells whether they were not: keys that are indices ascending, then the others as they
// first came; a key that comes again has the later value.
func orderMembers(ms []member, keys []byte) (_ []member, changed bool) {
	key := func(m member) []byte { return keys[m.keyFrom:m.keyTo] }
	index := false
	for _, m := range ms {
		index = index || arrayIndex(key(m)) != notIndex
	}
	had := len(ms)
	if ms = lastValues(ms, key); len(ms) == had && !index {
		return ms, false
	}
	slices.SortStableFunc(ms, func(a, b member) int {
		return cmp.Compare(arrayIndex(key(a)), arrayIndex(key(b)))
	})
	return ms, true
}

// lastValues leaves one member for each key: the first, with the value of the last.
func lastValues(ms []member, key func(member) []byte) []member {
	if !mayHaveDuplicates(ms, key) {
		return ms
	}
	byKey := slices.Clone(ms)
	slices.SortFunc(byKey, func(a, b member) int {
		return cmp.Or(bytes.Compare(key(a), key(b)), cmp.Compare(a.keyFrom, b.keyFrom))
	})
	twice := false
	for i := len(byKey) - 1; i > 0; i-- {
		if a, b := &byKey[i-1], byKey[i]; bytes.Equal(key(*a), key(b)) {
			a.from, a.to = b.from, b.to
			byKey[i].keyFrom = math.MaxUint32 // gone
			twice = true
		}
	}
	if !twice {
		return ms
	}
	ms = append(ms[:0], byKey...)
	ms = slices.DeleteFunc(ms, func(m member) bool { return m.keyFrom == math.MaxUint32 })
	slices.SortFunc(ms, func(a, b member) int { return cmp.Compare(a.keyFrom, b.keyFrom) })
	return ms
}

// mayRepeat tells whether a key may come twice: exactly for a few, always for many.
func mayHaveDuplicates(ms []member, key func(member) []byte) bool {
	if len(ms) > 8 {
		return true
	}
	for i := range ms {
		for j := range i {
			if bytes.Equal(key(ms[i]), key(ms[j])) {
				return true
			}
		}
	}
	return false
}

// notIndex is beyond the indices of all arrays.
const notIndex = math.MaxUint32

// arrayIndex is the index that a key spells, or notIndex.
func arrayIndex(key []byte) uint64 {
	if len(key) == 0 || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return notIndex
	}
	n := uint64(0)
	for _, c := range key {
		if c < '0' || c > '9' {
			return notIndex
		}
		n = 10*n + uint64(c-'0')
	}
	return min(n, notIndex)
}

// prefix puts the number n in front of what was written from at on.
func insertUvarint(dst []byte, at, n int) []byte {
	size := lib0.UvarintLen(uint64(n))
	dst = append(dst, make([]byte, size)...)
	copy(dst[at+size:], dst[at:])
	lib0.AppendUvarint(dst[:at], uint64(n))
	return dst
}

// appendJSNumber spells a number as ECMAScript does: plain from 1e-6 up to 1e21.
func appendJSNumber(dst []byte, f float64) []byte {
	size := math.Abs(f)
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0') // -0 as well
	case size >= 1e-6 && size < 1e21:
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	if n := len(dst); dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') { // e-07
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

// appendJSString quotes valid UTF-8 and escapes no more than JSON demands.
func appendJSString(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, c := range s {
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < 0x20 {
				dst = append(dst, `\u00`...)
				dst = append(dst, hex[c>>4], hex[c&15])
				continue
			}
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}
