package presence

import "slices"

func (d Diff) isEmpty() bool { return len(d.Joins) == 0 && len(d.Leaves) == 0 }

// merge returns the one diff that has the effect of d, then next.
func (d Diff) merge(next Diff) Diff {
	joins := append([]Person{}, d.Joins...)
	leaves := append([]string{}, d.Leaves...)
	for _, id := range next.Leaves {
		joins = slices.DeleteFunc(joins, func(p Person) bool { return p.ID == id })
		if !slices.Contains(leaves, id) {
			leaves = append(leaves, id)
		}
	}
	for _, p := range next.Joins {
		leaves = slices.DeleteFunc(leaves, func(id string) bool { return id == p.ID })
		if i := slices.IndexFunc(joins, func(q Person) bool { return q.ID == p.ID }); i >= 0 {
			joins[i] = p
		} else {
			joins = append(joins, p)
		}
	}
	return Diff{Room: d.Room, Joins: joins, Leaves: leaves}
}

// diffQueue is a first-in, first-out queue. When it holds max diffs it is full: the
// next diff is merged into the last queued one of its room, and only a room without
// one makes the queue longer. Merging keeps the order of each room's diffs, the only
// order that is promised.
type diffQueue struct {
	max   int
	diffs []Diff
	first int            // position of diffs[0], counted from the first diff ever
	last  map[string]int // position of each room's last diff
}

func (q *diffQueue) push(d Diff) {
	if d.Joins == nil {
		d.Joins = []Person{} // [] in JSON, not null
	}
	if d.Leaves == nil {
		d.Leaves = []string{}
	}
	if at, queued := q.last[d.Room]; queued && len(q.diffs) >= q.max {
		q.diffs[at-q.first] = q.diffs[at-q.first].merge(d)
		return
	}
	if q.last == nil {
		q.last = map[string]int{}
	}
	q.last[d.Room] = q.first + len(q.diffs)
	q.diffs = append(q.diffs, d)
}

func (q *diffQueue) pop() (Diff, bool) {
	if len(q.diffs) == 0 {
		return Diff{}, false
	}
	d := q.diffs[0]
	if q.last[d.Room] == q.first {
		delete(q.last, d.Room)
	}
	q.diffs[0] = Diff{}
	q.diffs = q.diffs[1:]
	q.first++
	return d, true
}
