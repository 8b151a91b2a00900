package presence

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSlotIsTheHashOfTheID(t *testing.T) {
	// FNV-1a 32 of "a" is 0xe40c292c; of "" it is 0x811c9dc5.
	s := newState(time.Second, IdleAfter, AwayAfter)
	for _, c := range []struct {
		user string
		want int
	}{
		{"a", 0xe40c292c % Slots},
		{"", 0x811c9dc5 % Slots},
	} {
		p, _ := s.join(Member{Room: "room of " + c.user, Conn: "1", User: c.user}, time.Unix(0, 0))
		if p.Slot != c.want {
			t.Errorf("%q got slot %d, want %d", c.user, p.Slot, c.want)
		}
	}
}

func TestTakenSlotIsReplacedByTheOneFiveFurther(t *testing.T) {
	r := &room{name: "r"}
	s := newState(time.Second, IdleAfter, AwayAfter)
	preferred := s.chooseSlot(r, "a")
	r.slots[preferred]++
	if again := s.chooseSlot(r, "a"); again != (preferred+5)%Slots {
		t.Errorf("with slot %d taken, got %d, want %d", preferred, again, (preferred+5)%Slots)
	}
	for i := range r.slots {
		r.slots[i] = 2
	}
	r.slots[(preferred+10)%Slots] = 1
	if least := s.chooseSlot(r, "a"); least != (preferred+10)%Slots {
		t.Errorf("with all slots taken, got %d, want the least used, %d", least, (preferred+10)%Slots)
	}
}

func TestStateKeepsNothingOfEmptyRooms(t *testing.T) {
	s := newState(time.Second, IdleAfter, AwayAfter)
	now := time.Unix(0, 0)
	for i := range 100 {
		s.join(Member{Room: fmt.Sprint(i % 7), Conn: fmt.Sprint(i), User: fmt.Sprint(i % 13)}, now)
	}
	for i := range 100 {
		s.leave(fmt.Sprint(i%7), fmt.Sprint(i), now)
	}
	s.expire(now.Add(time.Second))
	if len(s.rooms)+len(s.users)+s.deadlines.Len() != 0 {
		t.Errorf("kept after everybody left: %d rooms, %d users, %d deadlines", len(s.rooms), len(s.users), s.deadlines.Len())
	}
}

func TestSlotMemoryEvictsTheLeastRecentlyUsed(t *testing.T) {
	m := newSlotMemory(2)
	other := func(user string) int { return (PreferredSlot(user) + 1) % Slots }
	m.Put("r", "a", other("a"))
	m.Put("r", "b", other("b"))
	m.Get("r", "a")
	m.Put("r", "c", other("c"))
	if slot, ok := m.Get("r", "b"); ok || m.slots.Len() != 2 {
		t.Errorf("b has slot %d, %v, of %d remembered; want b evicted and 2 remembered", slot, ok, m.slots.Len())
	}
	if slot, ok := m.Get("r", "a"); !ok || slot != other("a") {
		t.Errorf("a, which was used last, has slot %d, %v, want %d", slot, ok, other("a"))
	}
}

// Law: the memory holds what a list of at most size people, the most recently used
// first, would hold.
func TestSlotMemoryAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		size := 1 + random.IntN(6)
		m := newSlotMemory(size)
		var order []string
		slots := map[string]int{}
		for range 300 {
			user := fmt.Sprint(random.IntN(10))
			at := slices.Index(order, user)
			if at >= 0 {
				order = slices.Delete(order, at, at+1)
			}
			switch random.IntN(5) {
			case 0: // the preferred slot needs no memory
				m.Put("r", user, PreferredSlot(user))
			case 1, 2:
				slot, ok := m.Get("r", user)
				if ok != (at >= 0) || ok && slot != slots[user] {
					t.Fatalf("slot of %s is %d, %v, want %d, %v", user, slot, ok, slots[user], at >= 0)
				}
				if ok {
					order = slices.Insert(order, 0, user)
				}
			default:
				slots[user] = (PreferredSlot(user) + 1 + random.IntN(Slots-1)) % Slots
				m.Put("r", user, slots[user])
				order = slices.Insert(order, 0, user)
				order = order[:min(len(order), size)]
			}
			var got []string // Keys has the least recently used first
			for _, k := range slices.Backward(m.slots.Keys()) {
				got = append(got, k.user)
			}
			if !slices.Equal(got, order) || m.slots.Len() != len(order) {
				t.Fatalf("remembered are %v (%d), want %v", got, m.slots.Len(), order)
			}
		}
	}
}

// Law: a person who joins gets the slot that they would get if all slots were
// remembered, preferred ones too.
func TestPreferredSlotsNeedNoMemory(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	s := newState(0, IdleAfter, AwayAfter)
	all := map[string]int{}
	here := map[string]int{}
	for range 5000 {
		id := fmt.Sprint(random.IntN(25))
		if _, leaves := here[id]; leaves {
			s.leave("r", id, time.Unix(0, 0))
			delete(here, id)
			continue
		}
		var used [Slots]int
		for _, slot := range here {
			used[slot]++
		}
		want, had := all[id]
		if !had || used[want] > 0 {
			want = LeastUsedSlot(id, used)
		}
		p, _ := s.join(Member{Room: "r", Conn: id, User: id}, time.Unix(0, 0))
		if p.Slot != want {
			t.Fatalf("%s got slot %d, want %d", id, p.Slot, want)
		}
		here[id], all[id] = want, want
	}
	for _, k := range s.slots.slots.Keys() {
		if slot, _ := s.slots.slots.Peek(k); slot == PreferredSlot(k.user) {
			t.Errorf("slot %d of %s is remembered although it is the preferred one", slot, k.user)
		}
	}
}

// Law: whatever a full queue merges, its diffs lead to the same list of people, and
// it holds at most max diffs and one for each room.
func TestFullDiffQueueLeadsToTheSameList(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	apply := func(rooms map[string]map[string]int, d Diff) {
		if rooms[d.Room] == nil {
			rooms[d.Room] = map[string]int{}
		}
		for _, id := range d.Leaves {
			delete(rooms[d.Room], id)
		}
		for _, p := range d.Joins {
			rooms[d.Room][p.ID] = p.Devices
		}
	}
	for range 200 {
		q := diffQueue{max: 1 + random.IntN(6)}
		want, got := map[string]map[string]int{}, map[string]map[string]int{}
		for i := range 200 {
			d := Diff{Room: fmt.Sprint(random.IntN(4))}
			for range random.IntN(3) {
				d.Leaves = append(d.Leaves, fmt.Sprint(random.IntN(5)))
			}
			for _, id := range random.Perm(5)[:1+random.IntN(2)] {
				d.Joins = append(d.Joins, Person{ID: fmt.Sprint(id), Devices: i})
			}
			apply(want, d)
			q.push(d)
			if len(q.diffs) > q.max+4 {
				t.Fatalf("%d diffs are queued, want at most %d and one for each of 4 rooms", len(q.diffs), q.max)
			}
			for range random.IntN(3) / 2 {
				if d, ok := q.pop(); ok {
					apply(got, d)
				}
			}
		}
		for d, ok := q.pop(); ok; d, ok = q.pop() {
			apply(got, d)
		}
		if len(q.last) != 0 {
			t.Fatalf("the empty queue still has positions: %v", q.last)
		}
		for room := range want {
			if !maps.Equal(want[room], got[room]) {
				t.Fatalf("room %s: got %v, want %v", room, got[room], want[room])
			}
		}
	}
}
