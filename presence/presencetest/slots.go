package presencetest

import (
	"strconv"

	"weft/presence"
)

func testSlots(f *fixture) {
	var taken [presence.Slots]int
	for i := range presence.Slots + 6 {
		p := f.join("r", strconv.Itoa(i), "user"+strconv.Itoa(i))
		if p.Slot < 0 || p.Slot >= presence.Slots {
			f.Fatalf("slot is %d, want 0 to %d", p.Slot, presence.Slots-1)
		}
		taken[p.Slot]++
		if i < presence.Slots && taken[p.Slot] > 1 {
			f.Errorf("two of the first %d people have slot %d", i+1, p.Slot)
		}
	}
}

func testSlotReturns(f *fixture) {
	slots := map[string]int{}
	for i := range presence.Slots {
		user := "user" + strconv.Itoa(i)
		slots[user] = f.join("r", user, user).Slot
	}
	for user := range slots {
		f.leave("r", user)
	}
	f.Advance(2 * f.Grace)
	f.eventually("everybody has left", func() bool { return len(f.people("r")) == 0 })
	for user, slot := range slots {
		f.equal("slot of "+user, f.join("r", user, user).Slot, slot)
	}
}
