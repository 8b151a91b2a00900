package presence

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestSlotFollowsTheHash(t *testing.T) {
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

func TestTakenSlotMovesByFive(t *testing.T) {
	r := &room{name: "r"}
	s := newState(time.Second, IdleAfter, AwayAfter)
	preferred := s.slot(r, "a")
	r.slots[preferred]++
	if again := s.slot(r, "a"); again != (preferred+5)%Slots {
		t.Errorf("after %d came %d", preferred, again)
	}
	for i := range r.slots {
		r.slots[i] = 2
	}
	r.slots[(preferred+10)%Slots] = 1
	if least := s.slot(r, "a"); least != (preferred+10)%Slots {
		t.Errorf("in a crowd got %d, want the least used", least)
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
	if len(s.rooms)+len(s.users)+s.due.Len() != 0 {
		t.Errorf("left behind: %d rooms, %d users, %d deadlines", len(s.rooms), len(s.users), s.due.Len())
	}
}

func TestRecentForgetsTheLongestUnused(t *testing.T) {
	r := newRecent[string, int](2)
	r.put("a", 1)
	r.put("b", 2)
	r.get("a")
	r.put("c", 3)
	if _, ok := r.get("b"); ok || len(r.byKey) != 2 {
		t.Errorf("kept %v", slices.Collect(maps.Keys(r.byKey)))
	}
	if v, ok := r.get("a"); !ok || v != 1 {
		t.Error("lost what was just used")
	}
}

// Law: as a list of at most max keys, the most recently used first, says.
func TestRecentAtRandom(t *testing.T) {
	seed := rand.Uint64()
	t.Log("seed", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	for range 50 {
		most := 1 + random.IntN(6)
		r := newRecent[int, int](most)
		var order []int
		values := map[int]int{}
		for i := range 300 {
			k := random.IntN(10)
			at := slices.Index(order, k)
			if at >= 0 {
				order = slices.Delete(order, at, at+1)
			}
			switch random.IntN(5) {
			case 0:
				r.forget(k)
			case 1, 2:
				v, ok := r.get(k)
				if ok != (at >= 0) || ok && v != values[k] {
					t.Fatalf("%d is %d, %v, want %d, %v", k, v, ok, values[k], at >= 0)
				}
				if ok {
					order = slices.Insert(order, 0, k)
				}
			default:
				r.put(k, i)
				values[k] = i
				order = slices.Insert(order, 0, k)
				order = order[:min(len(order), most)]
			}
			var got []int
			for e := r.ring.older; e != &r.ring; e = e.older {
				got = append(got, e.key)
			}
			if !slices.Equal(got, order) || len(r.byKey) != len(order) {
				t.Fatalf("has %v, %d of them by key, want %v", got, len(r.byKey), order)
			}
		}
	}
}

// Law: whoever comes gets the slot that they would get if all slots were
// remembered, those preferred too.
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
	for k, e := range s.slots.recent.byKey {
		if e.value == PreferredSlot(k.user) {
			t.Errorf("%s is remembered to have the slot that they prefer", k.user)
		}
	}
}

// Law: a full queue, whatever it merges, leads to the same list of people, and
// keeps its bound of max and one for each room.
func TestFullQueueMergesToTheSameEnd(t *testing.T) {
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
				t.Fatalf("%d diffs wait, with a bound of %d and 4 rooms", len(q.diffs), q.max)
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
			t.Fatalf("an empty queue remembers %v", q.last)
		}
		for room := range want {
			if !maps.Equal(want[room], got[room]) {
				t.Fatalf("room %s: got %v, want %v", room, got[room], want[room])
			}
		}
	}
}
