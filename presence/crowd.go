package presence

import (
	"cmp"
	"maps"
	"slices"
)

// Crowd passes diffs on, with at most a given number of people of each room in
// them: those who came first. Everybody else is counted and not told, for else a
// crowd of N that arrives, or turns to something else, is N times N cards. When
// one of the told leaves, the next one by arrival is told. Leaves are all passed
// on: who listed the room at another moment may know others.
//
// Take must be called by one goroutine at a time.
type Crowd struct {
	most  int
	tell  func(Diff)
	rooms map[string]*crowd
}

type crowd struct {
	told map[string]struct{}
	rest map[string]Person
}

// NewCrowd makes one that tells of at most most people in a room. A diff that tell
// gets may be empty: then only the number of people has changed.
func NewCrowd(most int, tell func(Diff)) *Crowd {
	return &Crowd{most: most, tell: tell, rooms: map[string]*crowd{}}
}

// Take takes the next diff.
func (c *Crowd) Take(d Diff) {
	r := c.rooms[d.Room]
	if r == nil {
		r = &crowd{told: map[string]struct{}{}, rest: map[string]Person{}}
		c.rooms[d.Room] = r
	}
	before := r.size()
	for _, id := range d.Leaves {
		delete(r.told, id)
		delete(r.rest, id)
	}
	joins := make([]Person, 0, min(len(d.Joins), c.most))
	for _, p := range d.Joins {
		if _, told := r.told[p.ID]; told {
			joins = append(joins, p)
		} else {
			r.rest[p.ID] = p
		}
	}
	joins = r.fill(c.most, joins)
	if r.size() == 0 {
		delete(c.rooms, d.Room)
	}
	if len(joins)+len(d.Leaves) > 0 || r.size() != before {
		c.tell(Diff{Room: d.Room, Joins: joins, Leaves: d.Leaves})
	}
}

func (r *crowd) size() int { return len(r.told) + len(r.rest) }

// fill tells of the next ones, as many as there is room for.
func (r *crowd) fill(most int, joins []Person) []Person {
	if len(r.rest) == 0 || len(r.told) >= most {
		return joins
	}
	next := slices.SortedFunc(maps.Values(r.rest), func(a, b Person) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	for _, p := range next[:min(len(next), most-len(r.told))] {
		r.told[p.ID] = struct{}{}
		delete(r.rest, p.ID)
		joins = append(joins, p)
	}
	return joins
}
