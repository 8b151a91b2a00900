package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"weft/server/auth"
	"weft/server/store"
	"weft/server/store/sqlite"
)

var (
	writer = auth.Identity{User: "ana", Name: "Ana", Grants: []auth.Grant{{Pattern: "**", Role: auth.Write}}}
)

// What is handed on comes in order of rev in each room, each state once, and ends
// as what is stored, whoever does what at the same time.
func TestTurnsAreHandedOnInOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mu sync.Mutex
	last := map[store.RoomID]store.Rev{}
	shown := map[store.RoomID]map[string]store.Message{"a": {}, "b": {}}
	heard := func(m store.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Rev <= last[m.Room] {
			t.Errorf("room %s: rev %d after %d", m.Room, m.Rev, last[m.Room])
		}
		last[m.Room], shown[m.Room][m.ID] = m.Rev, m
	}
	s := New(Config{Store: db, Posted: heard, Changed: heard, Limits: LabLimits()})
	var all sync.WaitGroup
	for n := range 24 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(n)))
			room := store.RoomID([]string{"a", "b"}[n%2])
			var mine []string
			for i := range 12 {
				var err error
				switch k := random.IntN(8); {
				case len(mine) == 0 || k < 3:
					p := Post{ID: fmt.Sprintf("m%d-%d", n, i), Text: "hello"}
					if len(mine) > 0 && k > 0 {
						p.Thread = mine[random.IntN(len(mine))]
					}
					if _, err = s.Post(t.Context(), writer, room, p); err == nil {
						mine = append(mine, p.ID)
					}
				case k < 5:
					_, err = s.Edit(t.Context(), writer, room, mine[random.IntN(len(mine))], Edit{Text: fmt.Sprint("text ", i)})
				case k < 7:
					_, err = s.React(t.Context(), writer, room, mine[random.IntN(len(mine))], Reaction{Emoji: "👍", On: random.IntN(2) == 0})
				default:
					_, err = s.Delete(t.Context(), writer, room, mine[len(mine)-1])
					mine = mine[:len(mine)-1]
				}
				if err != nil {
					t.Error(err) // nobody deletes another's
				}
			}
		})
	}
	all.Wait()
	for room, messages := range shown {
		stored, err := db.Messages(t.Context(), room, store.MessagePage{Limit: 200})
		if err != nil || len(stored) != len(messages) {
			t.Fatalf("room %s: %d messages, %d handed on: %v", room, len(stored), len(messages), err)
		}
		for _, m := range stored {
			want, _ := json.Marshal(m)
			if got, _ := json.Marshal(messages[m.ID]); string(got) != string(want) {
				t.Errorf("handed on last: %s\nstored:         %s", got, want)
			}
		}
	}
	if len(s.turns.rooms) != 0 {
		t.Errorf("%d rooms are kept", len(s.turns.rooms))
	}
}

// gate is a store whose first post waits, and whose others wait for each other.
type gate struct {
	Store
	first   chan struct{}
	others  sync.WaitGroup
	started chan struct{}

	mu    sync.Mutex
	posts int
}

func (g *gate) PostMessage(_ context.Context, m store.Message, _ store.OutboxMode) (store.Message, bool, error) {
	g.mu.Lock()
	g.posts++
	m.Seq, m.Rev = store.Seq(g.posts), store.Rev(g.posts)
	g.mu.Unlock()
	if m.Seq == 1 {
		close(g.started)
		<-g.first
		return m, true, nil
	}
	g.others.Done()
	g.others.Wait() // all of them are here at once, or this never ends
	return m, true, nil
}

// Those who come while one is being stored go to the store together; and a change
// that panics does not keep the others of its room.
func TestTurnsAreShared(t *testing.T) {
	const others = 20
	g := &gate{first: make(chan struct{}), started: make(chan struct{})}
	g.others.Add(others)
	var revs []store.Rev
	s := New(Config{Store: g, Limits: LabLimits(), Posted: func(m store.Message) { revs = append(revs, m.Rev) }})
	var all sync.WaitGroup
	post := func(id string) {
		if _, err := s.Post(t.Context(), writer, "r", Post{ID: id, Text: "x"}); err != nil {
			t.Error(err)
		}
	}
	all.Go(func() { post("first") })
	<-g.started
	for n := range others {
		all.Go(func() { post(fmt.Sprint("other-", n)) })
	}
	for {
		s.turns.mu.Lock()
		n := len(s.turns.rooms["r"].waiting)
		s.turns.mu.Unlock()
		if n == others {
			break
		}
		<-time.After(time.Millisecond)
	}
	close(g.first)
	all.Wait()
	for i, rev := range revs {
		if rev != store.Rev(i+1) {
			t.Fatalf("handed on in the order %v", revs)
		}
	}
	if len(revs) != others+1 {
		t.Errorf("%d were handed on", len(revs))
	}

	func() {
		defer func() { recover() }()
		_, _ = s.change(t.Context(), "r", func() (store.Message, bool, error) { panic("a bug") })
	}()
	done, err := s.change(t.Context(), "r", func() (store.Message, bool, error) { return store.Message{ID: "after"}, false, nil })
	if err != nil || done.ID != "after" {
		t.Errorf("after a panic: %+v, %v", done, err)
	}
}
