package presence

import (
	"cmp"
	"slices"
)

// CrowdFilter passes diffs on, with at most a given number of people of each room in
// them: those who came first. Everybody else is counted and not told, for else a
// crowd of N that arrives, or turns to something else, is N times N cards. When
// one of the told leaves, the next one by arrival is told. Leaves are all passed
// on: who listed the room at another moment may know others.
//
// Take must be called by one goroutine at a time.
type CrowdFilter struct {
	most  int
	tell  func(Diff)
	rooms map[string]*crowd
}

type crowd struct {
	told few[string, struct{}]
	rest few[string, Person]
}

// NewCrowdFilter makes one that tells of at most most people in a room. A diff that tell
// gets may be empty: then only the number of people has changed.
func NewCrowdFilter(most int, tell func(Diff)) *CrowdFilter {
	return &CrowdFilter{most: most, tell: tell, rooms: map[string]*crowd{}}
}

// Take takes the next diff.
func (c *CrowdFilter) Push(d Diff) {
	r := c.rooms[d.Room]
	if r == nil {
		r = &crowd{}
		c.rooms[d.Room] = r
	}
	before := r.size()
	for _, id := range d.Leaves {
		r.told.delete(id)
		r.rest.delete(id)
	}
	joins := make([]Person, 0, min(len(d.Joins), c.most))
	for _, p := range d.Joins {
		if _, told := r.told.get(p.ID); told {
			joins = append(joins, p)
		} else {
			r.rest.put(p.ID, p)
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

func (r *crowd) size() int { return r.told.len() + r.rest.len() }

// fill tells of the next ones, as many as there is room for.
func (r *crowd) fill(most int, joins []Person) []Person {
	if r.rest.len() == 0 || r.told.len() >= most {
		return joins
	}
	next := make([]Person, 0, r.rest.len())
	for _, p := range r.rest.all() {
		next = append(next, p)
	}
	slices.SortFunc(next, func(a, b Person) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	for _, p := range next[:min(len(next), most-r.told.len())] {
		r.told.put(p.ID, struct{}{})
		r.rest.delete(p.ID)
		joins = append(joins, p)
	}
	return joins
}
