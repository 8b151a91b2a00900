package presence

import (
	"hash/fnv"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// PreferredSlot returns the slot, 0 to Slots−1, that a person gets if it is free:
// the 32-bit FNV-1a hash of the UTF-8 bytes of the person's id, modulo Slots. It
// needs no memory and is the same on every node and in the browser.
func PreferredSlot(user string) int {
	h := fnv.New32a()
	h.Write([]byte(user))
	return int(h.Sum32() % Slots)
}

// SlotStep is the distance from a taken slot to the next one to try. It has no
// common divisor with Slots, so it visits all of them, and it keeps people who
// join one after the other apart in hue.
const SlotStep = 5

// LeastUsedSlot returns the slot that the fewest people have, and of several the
// one that is found first from the preferred slot in steps of SlotStep. used is
// the number of people with each slot.
func LeastUsedSlot(user string, used [Slots]int) int {
	best := PreferredSlot(user)
	for k, at := 0, best; k < Slots; k, at = k+1, (at+SlotStep)%Slots {
		if used[at] < used[best] {
			best = at
		}
	}
	return best
}

// SlotMemory remembers the slots of people in rooms, so that a person who joins
// again has the same colour. It stores only slots other than the preferred one: a
// person who is not remembered gets the preferred slot if it is free. It holds the
// 100,000 (room, person) pairs that were used last, about 14 MB. Not safe for
// concurrent use.
type SlotMemory struct{ slots *simplelru.LRU[slotKey, int] }

const maxRememberedSlots = 100_000 // (room, person) pairs

type slotKey struct{ room, user string }

// NewSlotMemory returns an empty memory.
func NewSlotMemory() *SlotMemory { return newSlotMemory(maxRememberedSlots) }

func newSlotMemory(size int) *SlotMemory {
	return &SlotMemory{newLRU[slotKey, int](size)}
}

// Get returns the slot, other than the preferred one, that the person had in the
// room last; ok is false if none is remembered.
func (m *SlotMemory) Get(room, user string) (slot int, ok bool) {
	return m.slots.Get(slotKey{room, user})
}

// Put remembers that the person has the slot in the room.
func (m *SlotMemory) Put(room, user string, slot int) {
	if slot == PreferredSlot(user) {
		m.slots.Remove(slotKey{room, user})
		return
	}
	m.slots.Add(slotKey{room, user}, slot)
}

// newLRU returns a cache that evicts the least recently used entry beyond size.
func newLRU[K comparable, V any](size int) *simplelru.LRU[K, V] {
	l, err := simplelru.NewLRU[K, V](size, nil)
	if err != nil {
		panic("presence: size of a cache: " + err.Error()) // only a size below 1 is refused
	}
	return l
}
