package presence

import "hash/fnv"

// PreferredSlot returns the slot, 0 to Slots−1, that a person gets if it is free:
// the 32-bit FNV-1a hash of the UTF-8 bytes of the person's id, modulo Slots. It
// needs no memory and is the same on every node and in the browser.
func PreferredSlot(user string) int {
	h := fnv.New32a()
	h.Write([]byte(user))
	return int(h.Sum32() % Slots)
}

// SlotStep leads from a slot that is taken to the next to try. It visits all
// twelve and keeps neighbours apart in hue.
const SlotStep = 5

// LeastUsedSlot is the first of the least used slots, from the preferred one on.
func LeastUsedSlot(user string, used [Slots]int) int {
	best := PreferredSlot(user)
	for k, at := 0, best; k < Slots; k, at = k+1, (at+SlotStep)%Slots {
		if used[at] < used[best] {
			best = at
		}
	}
	return best
}

// SlotMemory remembers the slots of the last 100,000 (room, person) pairs that
// had another than the preferred one, about 14 MB. For the rest it makes no
// difference: who is not remembered gets the preferred slot if it is free. Not safe
// for concurrent use.
type SlotMemory struct{ recent *recent[slotKey, int] }

const maxSlots = 100_000

type slotKey struct{ room, user string }

// NewSlotMemory is one that remembers nothing yet.
func NewSlotMemory() *SlotMemory { return &SlotMemory{newRecent[slotKey, int](maxSlots)} }

// Had is the slot, other than the preferred one, that the person had in the room
// when last seen there.
func (m *SlotMemory) Get(room, user string) (slot int, ok bool) {
	return m.recent.get(slotKey{room, user})
}

// Put remembers it.
func (m *SlotMemory) Put(room, user string, slot int) {
	if slot == PreferredSlot(user) {
		m.recent.forget(slotKey{room, user})
		return
	}
	m.recent.put(slotKey{room, user}, slot)
}
