// Package oracle is a list CRDT as plain as it can be: one entry per unit in one
// slice, sets where the engine has counters, no runs, no splits, no arenas, no speed.
// It plays by the same rules as package crdt (YATA with right origins, see
// crdt/integrate.go), so that both must always agree; where they do not, the engine
// is the suspect. For tests only.
package oracle

import "slices"

// ID names a unit.
type ID struct{ Client, Clock uint64 }

// Unit is one UTF-16 unit of text and where it was written.
type Unit struct {
	ID      ID
	Origin  *ID // left neighbour when written, nil at the front
	Right   *ID // right neighbour when written, nil at the end
	Value   uint16
	deleted bool
}

// List is the text so far, deleted units included.
type List struct{ units []Unit }

// Insert puts u where it belongs. What it refers to must be there. A unit that is
// there already is left alone.
func (l *List) Insert(u Unit) {
	if l.find(&u.ID) >= 0 {
		return
	}
	left, right := l.find(u.Origin), len(l.units)
	if u.Right != nil {
		right = l.find(u.Right)
	}
	place := left + 1 // u goes in front of the unit with this index
	passed, since := map[ID]bool{}, map[ID]bool{}
	for i := left + 1; i < right; i++ {
		o := l.units[i]
		passed[o.ID], since[o.ID] = true, true
		if same(o.Origin, u.Origin) {
			if o.ID.Client < u.ID.Client {
				place, since = i+1, map[ID]bool{}
			} else if same(o.Right, u.Right) {
				break
			}
		} else if o.Origin != nil && passed[*o.Origin] {
			if !since[*o.Origin] {
				place, since = i+1, map[ID]bool{}
			}
		} else {
			break
		}
	}
	l.units = slices.Insert(l.units, place, u)
}

// Delete marks a unit.
func (l *List) Delete(id ID) { l.units[l.find(&id)].deleted = true }

// Visible is the text: the UTF-16 units that are not deleted.
func (l *List) Visible() []uint16 {
	var text []uint16
	for _, u := range l.units {
		if !u.deleted {
			text = append(text, u.Value)
		}
	}
	return text
}

func (l *List) find(id *ID) int {
	if id == nil {
		return -1
	}
	return slices.IndexFunc(l.units, func(u Unit) bool { return u.ID == *id })
}

func same(a, b *ID) bool { return a == b || a != nil && b != nil && *a == *b }
