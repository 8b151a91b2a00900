package presence

import (
	"cmp"
	"slices"
)

// CrowdFilter limits how many people of a room its diffs name: the first ones by
// arrival, called listed. The others are only counted. Without the limit N people
// who join, or become idle, would cost N messages with a Person to each of N
// people. When a listed person leaves, the next one by arrival becomes listed.
//
// All leaves pass, also of people who are not listed: a client that listed the room
// at another moment may know them.
//
// Push must be called by one goroutine at a time. The filter remembers every person
// of every room; see the package comment for the memory.
type CrowdFilter struct {
	limit   int
	publish func(Diff)
	rooms   map[string]*crowd
}

type crowd struct {
	listed   smallMap[string, struct{}]
	unlisted smallMap[string, Person]
}

// NewCrowdFilter returns a filter that names at most limit people of a room. publish
// is called by Push. Its diff may be empty: then only the number of people changed.
func NewCrowdFilter(limit int, publish func(Diff)) *CrowdFilter {
	return &CrowdFilter{limit: limit, publish: publish, rooms: map[string]*crowd{}}
}

// Push takes the next diff.
func (f *CrowdFilter) Push(d Diff) {
	c := f.rooms[d.Room]
	if c == nil {
		c = &crowd{}
		f.rooms[d.Room] = c
	}
	before := c.size()
	for _, id := range d.Leaves {
		c.listed.delete(id)
		c.unlisted.delete(id)
	}
	joins := make([]Person, 0, min(len(d.Joins), f.limit))
	for _, p := range d.Joins {
		if _, listed := c.listed.get(p.ID); listed {
			joins = append(joins, p)
		} else {
			c.unlisted.put(p.ID, p)
		}
	}
	joins = c.fill(f.limit, joins)
	if c.size() == 0 {
		delete(f.rooms, d.Room)
	}
	if len(joins)+len(d.Leaves) > 0 || c.size() != before {
		f.publish(Diff{Room: d.Room, Joins: joins, Leaves: d.Leaves})
	}
}

func (c *crowd) size() int { return c.listed.len() + c.unlisted.len() }

// fill lists the next people up to the limit, and appends them to joins.
func (c *crowd) fill(limit int, joins []Person) []Person {
	if c.unlisted.len() == 0 || c.listed.len() >= limit {
		return joins
	}
	next := make([]Person, 0, c.unlisted.len())
	for _, p := range c.unlisted.all() {
		next = append(next, p)
	}
	slices.SortFunc(next, func(a, b Person) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
	})
	for _, p := range next[:min(len(next), limit-c.listed.len())] {
		c.listed.put(p.ID, struct{}{})
		c.unlisted.delete(p.ID)
		joins = append(joins, p)
	}
	return joins
}
