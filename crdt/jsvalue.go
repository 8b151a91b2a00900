package crdt

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strconv"

	"weft/crdt/lib0"
)

// The values of embeds and format marks are JSON texts in update V1 and any values in V2.
// The conversions give the same result as a browser's JSON.parse (json_any.go) and
// JSON.stringify (any_json.go). They are streaming: besides the output they hold only the
// positions of the members of objects that are open.

// member is one property of an object: the byte ranges of its key and its value, which may
// be in different buffers. An empty value range means undefined.
type member struct {
	keyFrom, keyTo uint32
	from, to       uint32
}

// orderMembers brings the members of an object into JavaScript's order, and reports whether
// that changed anything: array indices come first, ascending; the other keys follow in the
// order of their first occurrence. A repeated key has its last value.
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

// lastValues removes repeated keys: each key stays at its first place and gets its last
// value.
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
			byKey[i].keyFrom = math.MaxUint32 // marks the member as removed
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

// mayHaveDuplicates reports whether a key may occur twice. It is exact for up to eight
// members; for more it returns true, since comparing all pairs would take too long.
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

// notIndex is greater than every array index of JavaScript, the largest being 2^32-2.
const notIndex = math.MaxUint32

// arrayIndex returns the array index whose decimal form is key, or notIndex.
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

// insertUvarint inserts n as a uvarint at offset at of dst.
func insertUvarint(dst []byte, at, n int) []byte {
	size := lib0.UvarintLen(uint64(n))
	dst = append(dst, make([]byte, size)...)
	copy(dst[at+size:], dst[at:])
	lib0.AppendUvarint(dst[:at], uint64(n))
	return dst
}

// appendJSNumber writes a number as ECMAScript's Number::toString does: without exponent
// from 1e-6 up to 1e21. NaN and infinities become null, as in JSON.stringify.
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

// appendJSString writes valid UTF-8 as a JSON string, with the escapes of JSON.stringify.
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
