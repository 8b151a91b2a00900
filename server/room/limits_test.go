package room

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/presence/awareness"
	"weft/server/store"
	"weft/server/wire"
)

// TestDocumentLimits: below a limit a document accepts all updates. At it, it accepts
// deletions and known updates, and the room closes a peer that sends others.
func TestDocumentLimits(t *testing.T) {
	insertion := func(t *testing.T, d *crdt.Doc, root string, s string) []byte {
		u, err := d.InsertText(root, 0, s)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	for name, c := range map[string]struct {
		limits Limits
		grow   func(t *testing.T, n int, d *crdt.Doc) []byte // the n-th step, up to the limit at 10
	}{
		"content": {Limits{Content: 10}, func(t *testing.T, n int, d *crdt.Doc) []byte { return insertion(t, d, "t", "x") }},
		"structs": {Limits{Structs: 10}, func(t *testing.T, n int, d *crdt.Doc) []byte {
			return insertion(t, d, "t", "x") // before the one before: never merged
		}},
		"clients": {Limits{Clients: 10}, func(t *testing.T, n int, d *crdt.Doc) []byte {
			return insertion(t, crdt.New(crdt.Options{ClientID: uint64(n + 1)}), "t", "x")
		}},
		"roots": {Limits{Roots: 10}, func(t *testing.T, n int, d *crdt.Doc) []byte { return insertion(t, d, fmt.Sprint(n), "x") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newState()
			s.limits = c.limits.withDefaults()
			p := enter(s, "a", true)
			d := crdt.New(crdt.Options{ClientID: 1 << 40})
			send := func(u []byte) []effect { return s.step(command{kind: commandMessage, peer: p, body: update(u)}) }
			var last []byte
			for n := range 10 {
				last = c.grow(t, n, d)
				if effects := send(last); len(effects) != 3 || effects[0].kind != effectJournal {
					t.Fatalf("step %d: effects %v", n, kinds(effects))
				}
			}
			if effects := send(last); len(effects) != 1 || effects[0].kind != effectAck {
				t.Errorf("known already: effects %v", kinds(effects))
			}
			deletion, err := s.doc.DeleteText(s.doc.Roots()[0], 0, 1)
			if err != nil {
				t.Fatal(err)
			}
			// Made on the room's own document it changes nothing there any more,
			// and must be let through all the same.
			if effects := send(deletion); len(effects) != 1 || effects[0].kind != effectAck {
				t.Errorf("a deletion: effects %v", kinds(effects))
			}
			if name == "content" {
				return // there is room again
			}
			effects := send(c.grow(t, 10, d))
			if len(effects) != 1 || effects[0].kind != effectClose || effects[0].code != wire.CloseTooLarge || effects[0].limit != name {
				t.Errorf("one more: effects %+v", effects)
			}
		})
	}
	s := newState()
	s.limits = Limits{Content: 10}.withDefaults()
	p := enter(s, "a", true)
	s.step(command{kind: commandMessage, peer: p, body: update(insert(t, 1, strings.Repeat("x", 10)))})
	if effects := s.step(command{kind: commandMessage, peer: p, body: update(insert(t, 2, "y"))}); len(effects) != 1 || effects[0].code != wire.CloseTooLarge || effects[0].limit != "document" {
		t.Errorf("content over its limit: %+v", effects)
	}
}

// TestLongestUnusedRoomsAreUnloadedFirst: of the rooms that nobody uses Limits.Warm stay
// loaded. Rooms in use do not count.
func TestLongestUnusedRoomsAreUnloadedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		early := 0
		h := NewHub(HubOptions{Store: newDisk(), Log: quietLog, Limits: Limits{Warm: 3}, OnLimit: func(limit string) {
			if limit == "warm-rooms" {
				early++
			}
		}})
		visit := func(name string) {
			_, release, err := h.Open(t.Context(), store.RoomID(name))
			if err != nil {
				t.Fatal(err)
			}
			release()
			synctest.Wait()
		}
		open := func() (names string) {
			for _, name := range []string{"a", "b", "c", "d", "e"} {
				if _, ok := h.Loaded(store.RoomID(name)); ok {
					names += name
				}
			}
			return names
		}
		_, stay, err := h.Open(t.Context(), "e")
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			visit, open string
			early       int // were closed
		}{
			{"a", "ae", 0}, {"b", "abe", 0}, {"c", "abce", 0}, {"a", "abce", 0}, {"d", "acde", 1}, {"d", "acde", 1}, {"b", "abde", 2},
		} {
			visit(step.visit)
			if early != step.early {
				t.Errorf("after %s was left %d rooms have been closed early, want %d", step.visit, early, step.early)
			}
			if got := open(); got != step.open {
				t.Errorf("after %s was left %s are open, want %s", step.visit, got, step.open)
			}
		}
		stay()
		synctest.Wait()
		if got := open(); got != "bde" {
			t.Errorf("after all were left %s are open", got)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if h.Rooms() != 0 || h.Memory() != 0 || h.unused.Len() != 0 {
			t.Errorf("%d rooms, %d bytes, %d warm after the idle time", h.Rooms(), h.Memory(), h.unused.Len())
		}
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestMemoryLimitUnloadsUnusedRooms: near the limit unused rooms are unloaded, the longest
// unused first. At it no more are opened, and those that are open go on.
func TestMemoryLimitUnloadsUnusedRooms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		one := crdt.New(crdt.Options{ClientID: 1})
		u, err := one.InsertText("t", 0, strings.Repeat("x", 1<<20))
		if err != nil {
			t.Fatal(err)
		}
		for n := range 20 {
			id := store.RoomID(fmt.Sprint(n))
			d.logs[id] = [][]byte{u}
		}
		size := int64(0)
		{
			h := diskHub(d)
			_, release, err := h.Open(t.Context(), "0")
			if err != nil {
				t.Fatal(err)
			}
			size = h.Memory()
			release()
			if err := h.Close(t.Context()); err != nil || h.Memory() != 0 {
				t.Fatalf("closed with %v, %d bytes left", err, h.Memory())
			}
		}
		if size < 1<<20 || size > 8<<20 {
			t.Fatalf("a document of 1 MiB is accounted as %d", size)
		}
		refused := 0
		h := NewHub(HubOptions{Store: d, Log: quietLog, Limits: Limits{Memory: 12 * size}, OnLimit: func(string) { refused++ }})
		open := func(n int) (func(), error) {
			time.Sleep(time.Millisecond) // one is left before the other
			_, release, err := h.Open(t.Context(), store.RoomID(fmt.Sprint(n)))
			return release, err
		}
		var held []func()
		for n := range 20 { // nobody stays: all of them can be opened
			release, err := open(n)
			if err != nil {
				t.Fatalf("room %d: %v", n, err)
			}
			release()
			synctest.Wait()
			if h.Memory() > 12*size {
				t.Fatalf("%d bytes, the limit is %d", h.Memory(), 12*size)
			}
		}
		if _, ok := h.Loaded("19"); !ok {
			t.Error("the room that was left last is unloaded")
		}
		if _, ok := h.Loaded("0"); ok {
			t.Error("the room that was left first is still loaded")
		}
		if refused > 0 {
			t.Errorf("%d rooms are counted as refused", refused)
		}
		var last error
		for n := range 20 { // somebody stays in each
			release, err := open(n)
			if err != nil {
				last = err
				break
			}
			held = append(held, release)
		}
		if !errors.Is(last, ErrMemory) || refused != 1 || len(held) < 11 || len(held) > 13 {
			t.Errorf("%d rooms were opened, then %v", len(held), last)
		}
		if release, err := open(0); err != nil {
			t.Errorf("Open of a loaded room: %v", err)
		} else {
			release()
		}
		for _, release := range held {
			release()
		}
		if release, err := open(19); err != nil {
			t.Errorf("Open after the rooms were left: %v", err)
		} else {
			release()
		}
		if err := h.Close(t.Context()); err != nil || h.Memory() != 0 {
			t.Errorf("closed with %v, %d bytes left", err, h.Memory())
		}
	})
}

// TestRefusalsAreCountedByLimit: a peer that is closed for a limit is counted under the
// limit's name; a peer that is closed for another reason is not counted.
func TestRefusalsAreCountedByLimit(t *testing.T) {
	for err, limit := range map[error]string{
		crdt.ErrPendingFull: "pending", crdt.ErrTooCostly: "work", crdt.ErrTooLarge: "document", crdt.ErrSubdocuments: "subdocuments",
		&crdt.MalformedError{What: "update", Rule: lib0.ErrDepth}:    "depth",
		&crdt.MalformedError{What: "update", Rule: crdt.ErrTrailing}: "",
		fmt.Errorf("state 1: %w", awareness.ErrTooLarge):             "awareness-state",
		awareness.ErrDepth: "awareness-state", awareness.ErrTooMany: "awareness-state", awareness.ErrJSON: "",
	} {
		if e := closeForError(nil, err); len(e) != 1 || e[0].kind != effectClose || e[0].limit != limit {
			t.Errorf("%v: %+v", err, e)
		}
	}
}

// TestSubdocumentsAreLimited: a document accepts as many as the limit says, and the room
// closes a peer that sends one more. A document that is loaded with more than that goes
// on.
func TestSubdocumentsAreLimited(t *testing.T) {
	folder := func(d *crdt.Doc, n int) []byte {
		u, err := d.Transact(func(tx *crdt.Tx) error {
			for range n {
				if err := d.Array("folder").Push(tx, crdt.Subdoc{GUID: "g"}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	one, two := crdt.New(crdt.Options{ClientID: 1}), crdt.New(crdt.Options{ClientID: 2})
	first, second := folder(one, 900), folder(two, 200)
	for name, c := range map[string]struct {
		stored store.Doc
		taken  int
	}{
		"new":    {store.Doc{}, 1000},
		"stored": {store.Doc{Snapshot: first, Log: [][]byte{second}}, 0},
	} {
		r := loadedTable(t, c.stored)
		before := r.state.doc.Stats().Subdocs
		p := enter(r.state, "a", true)
		d := crdt.New(crdt.Options{ClientID: 3})
		for n := range c.taken {
			if effects := r.state.step(command{kind: commandMessage, peer: p, body: update(folder(d, 1))}); len(effects) != 3 || effects[0].kind != effectJournal {
				t.Fatalf("%s: number %d: %+v", name, n+1, effects)
			}
		}
		effects := r.state.step(command{kind: commandMessage, peer: p, body: update(folder(d, 1))})
		if len(effects) != 1 || effects[0].kind != effectClose || effects[0].code != wire.CloseTooLarge || effects[0].limit != "subdocuments" {
			t.Errorf("%s: one more: %+v", name, effects)
		}
		if effects := r.state.step(command{kind: commandMessage, peer: p, body: update(insert(t, 7, "text"))}); len(effects) != 3 {
			t.Errorf("%s: a text: %+v", name, effects)
		}
		if n := r.state.doc.Stats().Subdocs; n != before+c.taken || name == "stored" && n != 1100 {
			t.Errorf("%s: %d in the end", name, n)
		}
	}
}
