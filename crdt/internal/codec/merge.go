package codec

import (
	"cmp"
	"slices"

	"weft/crdt/lib0"
)

// updateRuns indexes the structs of several updates (V1) by client, without decoding them
// into items.
type updateRuns struct {
	updates [][]byte
	runs    []structRun // in the order read; index 0 is unused and means "none"
	clients []clientRuns
	index   map[uint64]int // into clients, by id; nil while there are few clients
	last    int            // index of the client found last
	deletes DeleteSet
	reader  StructReader
}

// clientRuns is the linked list of the runs of one client, in the order read.
type clientRuns struct {
	client      uint64
	first, last int32 // into updateRuns.runs
}

// structRun is consecutive structs of one client in one update, without a Skip. A merge may
// have one for each keystroke ever made, so it holds no pointers, which the garbage
// collector would have to scan.
type structRun struct {
	clock, end      uint64
	from, to        int   // its bytes in the update
	structs         int32 // 0 if it has been written
	update          int32 // the number of its update
	next            int32 // the next run of its client, 0 if this is the last
	hasGC, omitsKey bool  // of any of the structs
}

// Merge makes one update of many (V1). Errors are a *PositionError in one of them.
func Merge(updates [][]byte) ([]byte, error) {
	g, err := readRuns(updates)
	if err != nil {
		return nil, err
	}
	return g.encode(), nil
}

// readRuns validates updates and indexes their structs. Errors are a *PositionError.
func readRuns(updates [][]byte) (*updateRuns, error) {
	g := &updateRuns{updates: updates}
	g.runs = make([]structRun, 1, 1+len(updates))
	for i := range updates {
		if err := g.addUpdate(int32(i)); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *updateRuns) addUpdate(update int32) (err error) {
	s := &g.reader
	s.Open(g.updates[update])
	var t *structRun // the run that grows; nil after a Skip
	for s.Next() {
		w := &s.Struct
		if w.Kind == KindSkip {
			t = nil
			continue
		}
		if s.First || t == nil {
			t = g.beginRun(w.Client)
			t.clock, t.from, t.update = w.Clock, s.from, update
		}
		t.end, t.to = w.End(), s.r.Offset()
		t.structs++
		t.hasGC = t.hasGC || w.Kind == KindGC
		t.omitsKey = t.omitsKey || w.OmitsKey()
	}
	start := len(g.deletes)
	g.deletes, err = s.Close(g.deletes)
	g.deletes = g.deletes.coalesceFrom(start)
	return err
}

// beginRun appends an empty run to the list of client.
func (g *updateRuns) beginRun(client uint64) *structRun {
	n := int32(len(g.runs))
	g.runs = append(g.runs, structRun{})
	if g.last >= len(g.clients) || g.clients[g.last].client != client {
		g.last = g.clientIndex(client, n)
	}
	c := &g.clients[g.last]
	g.runs[c.last].next = n // a new client has last 0: run 0 absorbs the write
	c.last = n
	return &g.runs[n]
}

// clientIndex returns the index of a client in g.clients. A new client is added with the
// given first run.
func (g *updateRuns) clientIndex(id uint64, first int32) int {
	const few = 8
	if g.index == nil {
		for i := range g.clients {
			if g.clients[i].client == id {
				return i
			}
		}
	} else if i, found := g.index[id]; found {
		return i
	}
	n := len(g.clients)
	g.clients = append(g.clients, clientRuns{client: id, first: first})
	if n == few {
		g.index = make(map[uint64]int, 2*few)
		for i := range g.clients {
			g.index[g.clients[i].client] = i
		}
	} else if n > few {
		g.index[id] = n
	}
	return n
}

// encode writes the merged update from the runs (structRun: consecutive structs of one
// client in one update): each unit once, clients in descending order, and the
// union of the delete sets.
func (g *updateRuns) encode() []byte {
	slices.SortFunc(g.clients, func(a, b clientRuns) int { return cmp.Compare(b.client, a.client) })
	size := 0
	for _, u := range g.updates {
		size += len(u)
	}
	m := runMerger{updateRuns: g, lastMoved: make([]int32, len(g.updates)), out: NewSectionWriter(size)}
	for i := range g.clients {
		m.mergeClient(&g.clients[i])
	}
	return g.deletes.Normalise().Append(m.out.Bytes())
}

// runMerger writes the runs of one client after another. If several runs hold a unit, it is
// written as in the run that is merged first. The order is that of Yjs (mergeUpdatesV2),
// which reads all updates at once with one lazy reader for each, and always advances the
// reader at the lowest clock; if several readers are there, the one that it advanced last.
type runMerger struct {
	*updateRuns
	lastMoved []int32 // by update: the value of moveCount when its reader advanced last
	moveCount int32   // how often any reader has advanced
	order     []int32 // the runs of the current client, by clock
	end       uint64  // clock up to which the current client is written
	out       SectionWriter
}

func (m *runMerger) mergeClient(c *clientRuns) {
	m.out.Begin(c.client)
	m.end, m.order = 0, m.order[:0]
	for i := c.first; i != 0; i = m.runs[i].next {
		m.order = append(m.order, i)
	}
	byClock := func(a, b int32) int { return cmp.Compare(m.runs[a].clock, m.runs[b].clock) }
	if !slices.IsSortedFunc(m.order, byClock) {
		slices.SortStableFunc(m.order, byClock)
	}
	for rest := m.order; len(rest) > 0; {
		n := 1
		for n < len(rest) && byClock(rest[0], rest[n]) == 0 {
			n++
		}
		if n > 1 {
			slices.SortStableFunc(rest[:n], func(a, b int32) int {
				return cmp.Compare(m.lastMoved[m.runs[b].update], m.lastMoved[m.runs[a].update])
			})
		}
		for _, i := range rest[:n] {
			m.mergeRun(i)
		}
		rest = rest[n:]
	}
}

// mergeRun writes the units of run i that are not written yet. If there are none, Yjs's
// reader advances to the next run of the same update at once, and merges it next, unless
// there is a gap in front of it; mergeRun does the same.
func (m *runMerger) mergeRun(i int32) {
	for {
		t := &m.runs[i]
		if t.structs == 0 {
			return
		}
		m.moveCount++
		m.lastMoved[t.update] = m.moveCount
		known := t.end <= m.end
		if !known {
			m.writeNew(t)
		}
		t.structs = 0
		i = t.next
		if next := &m.runs[i]; !known || i == 0 || next.update != t.update || next.clock > m.end {
			return
		}
	}
}

// writeNew writes the units of t from clock m.end on. A run that is new as a whole, and has
// nothing to rewrite, is copied as bytes; others are decoded struct by struct.
func (m *runMerger) writeNew(t *structRun) {
	o, raw := &m.out, m.updates[t.update][t.from:t.to]
	if o.structs > 0 && t.clock > m.end {
		o.writeSkip(m.end, t.clock-m.end)
	}
	if t.clock >= m.end && !t.hasGC && (!t.omitsKey || t.structs == 1) {
		o.countStructs(int(t.structs), t.clock)
		at := len(o.dst)
		o.dst = append(o.dst, raw...)
		if t.omitsKey {
			o.dst[at] &^= InfoKey
		}
		m.end = t.end
		return
	}
	r := lib0.NewReader(raw)
	var w Struct
	for clock := t.clock; clock < t.end; clock = w.End() {
		from := r.Offset()
		if err := w.Read(&r, o.client, clock); err != nil {
			panic("crdt: MergeUpdates: validated update does not decode: " + err.Error())
		}
		at := max(m.end, clock)
		switch {
		case w.End() <= m.end:
		case w.Kind == KindGC:
			o.writeGC(at, w.End()-at)
		case at > clock:
			o.Write(&w, at-clock)
		default:
			o.WriteRaw(&w, r.Slice(from, r.Offset()))
		}
		m.end = max(m.end, w.End())
	}
}
