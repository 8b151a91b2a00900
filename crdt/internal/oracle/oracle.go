// Package oracle is the simplest possible list CRDT, as a reference for tests: one slice
// entry for each unit, sets where package crdt has counters, no runs, no splitting, no
// arena, no optimisation. It follows the same algorithm (YATA with right origins, see
// crdt/integrate.go and Yjs's Item.integrate), so both must always agree. If they differ,
// the bug is most likely in package crdt.
package oracle

import "slices"

// ID identifies a unit.
type ID struct{ Client, Clock uint64 }

// Unit is one UTF-16 unit of text and its neighbours at the time of writing.
type Unit struct {
	ID      ID
	Origin  *ID    // left neighbour when written; nil at the start of the list
	Right   *ID    // right origin: right neighbour when written; nil at the end
	Value   uint16 // the UTF-16 code unit
	deleted bool
}

// List is a text, deleted units included. The zero value is an empty text. Not safe for
// concurrent use.
type List struct{ units []Unit }

// Insert integrates u. Its origins must be in the list. A unit that is in the list already
// is ignored.
//
// The loop scans the units between the two origins, which were inserted concurrently with
// u. u goes behind each unit that has the same origin and a smaller client id, together with
// the units that were inserted behind that one in turn. The scan ends at the first unit whose
// origin is to the left of u's origin, because lines from units to origins must not cross.
func (l *List) Insert(u Unit) {
	if l.find(&u.ID) >= 0 {
		return
	}
	left, right := l.find(u.Origin), len(l.units)
	if u.Right != nil {
		right = l.find(u.Right)
	}
	place := left + 1 // the index at which u is inserted
	// As in Yjs: the units scanned so far, and those of them since place changed last.
	beforeOrigin, conflicting := map[ID]bool{}, map[ID]bool{}
	for i := left + 1; i < right; i++ {
		o := l.units[i]
		beforeOrigin[o.ID], conflicting[o.ID] = true, true
		if same(o.Origin, u.Origin) {
			if o.ID.Client < u.ID.Client {
				place, conflicting = i+1, map[ID]bool{}
			} else if same(o.Right, u.Right) {
				break
			}
		} else if o.Origin != nil && beforeOrigin[*o.Origin] {
			if !conflicting[*o.Origin] {
				place, conflicting = i+1, map[ID]bool{}
			}
		} else {
			break
		}
	}
	l.units = slices.Insert(l.units, place, u)
}

// Delete marks a unit as deleted. The unit must be in the list.
func (l *List) Delete(id ID) { l.units[l.find(&id)].deleted = true }

// Visible returns the UTF-16 units that are not deleted.
func (l *List) Visible() []uint16 {
	var text []uint16
	for _, u := range l.units {
		if !u.deleted {
			text = append(text, u.Value)
		}
	}
	return text
}

// find returns the index of a unit, -1 if id is nil or the unit is not in the list.
func (l *List) find(id *ID) int {
	if id == nil {
		return -1
	}
	return slices.IndexFunc(l.units, func(u Unit) bool { return u.ID == *id })
}

func same(a, b *ID) bool { return a == b || a != nil && b != nil && *a == *b }
