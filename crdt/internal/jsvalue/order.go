package jsvalue

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
)

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

// CompareKeys orders keys as JavaScript orders the properties of an object whose
// keys were added in bytewise order: array indices first, ascending, then the others.
func CompareKeys(a, b string) int {
	return cmp.Or(CompareIndices(a, b), strings.Compare(a, b))
}

// CompareIndices orders array indices ascending and before all other keys, which it treats
// as equal.
func CompareIndices(a, b string) int {
	return cmp.Compare(arrayIndex([]byte(a)), arrayIndex([]byte(b)))
}
