package room

import (
	"bytes"
	"context"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"weft/crdt"
	"weft/crdt/crdttest"
	"weft/server/store"
)

// holding is a store that holds one document.
type holding struct {
	store.Store
	doc store.Doc
}

func (h holding) LoadPart(context.Context, store.RoomID, store.LogID, int) (store.Doc, bool, error) {
	return h.doc, false, nil
}

// loadedTable returns a room that was just loaded.
func loadedTable(t *testing.T, stored store.Doc) *table {
	t.Helper()
	l, err := load(t.Context(), holding{doc: stored}, "r")
	if err != nil {
		t.Fatal(err)
	}
	r := newRoom("r", l, &Hub{log: quietLog, limits: DefaultLimits(), onLimit: func(string) {}})
	t.Cleanup(func() { r.flush.timer.Stop() })
	return &table{r, t}
}

// answered makes a reader sync, and returns how many bytes of updates it got.
func (r *table) answered(p *reader) (size int) {
	r.t.Helper()
	if r.state.members.of(p) == nil {
		r.join(p)
	}
	r.sync(p)
	for ok := true; ok; {
		var update []byte
		update, ok = p.read(r.t)
		size += len(update)
		if !ok {
			r.answerRequests()
			update, ok = p.read(r.t)
			size += len(update)
		}
	}
	return size
}

// same fails unless the reader has the whole document: structs, pending updates, and
// deletions.
func same(t *testing.T, p *reader, want *crdt.Doc) {
	t.Helper()
	if err := p.doc.Check(); err != nil {
		t.Error(err)
	}
	if !maps.Equal(p.doc.StateVector(), want.StateVector()) {
		t.Errorf("%s has state vector %v, want %v", p.name, p.doc.StateVector(), want.StateVector())
	}
	if !bytes.Equal(p.doc.EncodeStateAsUpdate(nil), want.EncodeStateAsUpdate(nil)) {
		t.Errorf("%s has another document than the room", p.name)
	}
}

// TestFirstAnswerAfterLoading: in whatever form a document is stored, the first readers
// get the same as an encoding of it would bring them. That holds for readers with nothing
// and for readers with a part of it, before a change and right after one.
func TestFirstAnswerAfterLoading(t *testing.T) {
	asStored := map[string]int{} // answers that were the stored bytes themselves
	for seed := range uint64(60) {
		rng := rand.New(rand.NewPCG(seed, 1))
		docs := []*crdt.Doc{crdt.New(crdt.Options{ClientID: 1}), crdt.New(crdt.Options{ClientID: 2})}
		var updates [][]byte
		for range 40 + rng.IntN(100) {
			from, to := docs[rng.IntN(2)], docs[rng.IntN(2)]
			u := crdttest.Edit(t, rng, from)
			updates = append(updates, u)
			if _, err := to.ApplyUpdate(from.EncodeStateAsUpdate(to.StateVector())); err != nil {
				t.Fatal(err)
			}
		}
		half := len(updates) / 2
		whole, older := crdt.New(crdt.Options{}), crdt.New(crdt.Options{ClientID: 3})
		for i, u := range updates {
			if _, err := whole.ApplyUpdate(u); err != nil {
				t.Fatal(err)
			}
			if i < half {
				if _, err := older.ApplyUpdate(u); err != nil {
					t.Fatal(err)
				}
			}
		}
		merged, err := crdt.MergeUpdates(updates...) // nothing collected: it holds what was deleted since
		if err != nil {
			t.Fatal(err)
		}
		gap := []byte{1, 1, 77, 5, 4, 1, 1, 't', 1, 'x', 0} // of client 77, from clock 5 on
		deletes := []byte{0, 1, 78, 1, 3, 1}                // of client 78, which nobody knows
		snapshot, first := whole.EncodeStateAsUpdate(nil), older.EncodeStateAsUpdate(nil)
		waiting := crdt.New(crdt.Options{})
		for _, u := range [][]byte{snapshot, gap, deletes} {
			if _, err := waiting.ApplyUpdate(u); err != nil {
				t.Fatal(err)
			}
		}
		for name, stored := range map[string]store.Doc{
			"a snapshot":             {Snapshot: snapshot},
			"a record":               {Log: [][]byte{snapshot}},
			"a record of many":       {Log: [][]byte{merged}},
			"a snapshot and records": {Snapshot: first, Log: updates[half:]},
			"records":                {Log: updates},
			"a snapshot with gaps":   {Snapshot: waiting.EncodeStateAsUpdate(nil)},
			"gaps after a snapshot":  {Snapshot: snapshot, Log: [][]byte{gap, deletes}},
			"deletes that wait":      {Snapshot: snapshot, Log: [][]byte{deletes}},
			"nothing":                {},
		} {
			want, err := newDoc(stored)
			if err != nil {
				t.Fatal(err)
			}
			r := loadedTable(t, stored)
			if r.state.cache.stored != nil {
				asStored[name]++
			}
			fresh, behind := newReader("fresh", 10, false), newReader("behind", 11, false)
			if _, err := behind.doc.ApplyUpdate(first); err != nil {
				t.Fatal(err)
			}
			r.answered(fresh)
			same(t, fresh, want)

			size := r.answered(behind)
			if name != "nothing" {
				same(t, behind, want)
			}
			if lacks := len(want.EncodeStateAsUpdate(older.StateVector())); size != lacks {
				t.Errorf("%d bytes for a reader that lacks %d of %d", size, lacks, len(snapshot))
			}

			change := crdttest.Edit(t, rng, older)
			r.join(newReader("writer", 12, false))
			for _, m := range r.state.members.byPeer {
				if m.peer.(*reader).name == "writer" {
					r.do(command{kind: commandMessage, peer: m.peer, body: update(change)})
				}
			}
			if _, err := want.ApplyUpdate(change); err != nil {
				t.Fatal(err)
			}
			late := newReader("late", 13, false)
			r.answered(late)
			same(t, late, want)
			if t.Failed() {
				t.Fatalf("seed %d: %s", seed, name)
			}
			older = crdt.New(crdt.Options{ClientID: 3 + rng.Uint64N(1<<40)})
			if _, err := older.ApplyUpdate(first); err != nil {
				t.Fatal(err)
			}
		}
	}
	if asStored["a snapshot"] != 60 || asStored["a record"] != 60 {
		t.Errorf("the stored bytes were sent unchanged %v times, want 60 of a snapshot and of a record", asStored)
	}
	for _, name := range []string{"a snapshot and records", "records", "a snapshot with gaps", "gaps after a snapshot", "deletes that wait", "nothing"} {
		if asStored[name] > 0 {
			t.Errorf("%s: the stored bytes were sent unchanged", name)
		}
	}
}

// TestLargeStateGoesInParts: stored bytes are sent in parts, too, if they are large.
func TestLargeStateGoesInParts(t *testing.T) {
	doc := crdt.New(crdt.Options{ClientID: 1})
	for range 100 {
		if _, err := doc.InsertText("t", 0, string(bytes.Repeat([]byte("0123456789"), 1000))); err != nil {
			t.Fatal(err)
		}
		if _, err := doc.DeleteText("t", 5, 1); err != nil {
			t.Fatal(err)
		}
	}
	r := loadedTable(t, store.Doc{Snapshot: doc.EncodeStateAsUpdate(nil)})
	if r.state.cache.stored == nil {
		t.Error("the stored bytes are not kept for the first answer")
	}
	p := newReader("fresh", 10, false)
	r.answered(p)
	same(t, p, doc)
	if p.frames < 3 {
		t.Errorf("%d bytes came in %d frames", len(doc.EncodeStateAsUpdate(nil)), p.frames)
	}
}

// TestUnusedStoredBytesAreDropped: a room keeps the stored bytes no longer than other
// encoded bodies.
func TestUnusedStoredBytesAreDropped(t *testing.T) {
	doc := crdt.New(crdt.Options{ClientID: 1})
	if _, err := doc.InsertText("t", 0, string(bytes.Repeat([]byte("text"), 100))); err != nil {
		t.Fatal(err)
	}
	for asked := range 3 {
		r := loadedTable(t, store.Doc{Snapshot: doc.EncodeStateAsUpdate(nil)})
		for range asked {
			p := newReader("fresh", 10, false)
			r.answered(p)
			same(t, p, doc)
			r.trim(time.Now())
			if r.state.cache.stored == nil {
				t.Fatal("the stored bytes were dropped though they had just been used")
			}
		}
		r.trim(time.Now())
		if e := &r.state.cache; e.stored != nil || e.bodies != nil {
			t.Errorf("the stored bytes are still kept after %d answers and two calls of trim", asked)
		}
		p := newReader("late", 10, false)
		r.answered(p)
		same(t, p, doc)
	}
}
