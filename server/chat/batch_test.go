package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weft/server/auth"
	"weft/server/store"
	"weft/server/store/sqlite"
)

var (
	writer = auth.Identity{User: "ana", Name: "Ana", Grants: []auth.Grant{{Pattern: "**", Role: auth.Write}}}
)

// Changes of a room are announced in order of rev, each state of a message once, and
// the last announced state of each message is the stored one, however many people
// change the room at the same time.
func TestChangesAreAnnouncedInOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	db, err := sqlite.Open(filepath.Join(t.TempDir(), "db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mu sync.Mutex
	last := map[store.RoomID]store.Rev{}
	announced := map[store.RoomID]map[string]store.Message{"a": {}, "b": {}}
	record := func(m store.Message) {
		mu.Lock()
		defer mu.Unlock()
		if m.Rev <= last[m.Room] {
			t.Errorf("room %s: rev %d announced after %d", m.Room, m.Rev, last[m.Room])
		}
		last[m.Room], announced[m.Room][m.ID] = m.Rev, m
	}
	s := New(Config{Store: db, Posted: record, Changed: record, Limits: LabLimits()})
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
					t.Error(err) // no person changes another's messages
				}
			}
		})
	}
	all.Wait()
	for room, messages := range announced {
		stored, err := db.Messages(t.Context(), room, store.MessagePage{Limit: 200})
		if err != nil || len(stored) != len(messages) {
			t.Fatalf("room %s: %d messages stored, %d announced: %v", room, len(stored), len(messages), err)
		}
		for _, m := range stored {
			want, _ := json.Marshal(m)
			if got, _ := json.Marshal(messages[m.ID]); string(got) != string(want) {
				t.Errorf("announced last: %s\nstored:         %s", got, want)
			}
		}
	}
	if len(s.batcher.rooms) != 0 {
		t.Errorf("queues of %d rooms are kept, want none", len(s.batcher.rooms))
	}
}

// gate is a store whose first post returns when first is closed. Its further posts
// return when all of them have been called.
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
	g.others.Wait() // blocks for ever unless all of them are stored at the same time
	return m, true, nil
}

// Changes that arrive while another is being stored are stored together, and a change
// that panics does not block the later ones of its room.
func TestChangesOfARoomShareABatch(t *testing.T) {
	synctest.Test(t, testBatch)
}

func testBatch(t *testing.T) {
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
	synctest.Wait() // until all of them wait in the room's queue
	if n := len(s.batcher.rooms["r"].waiting); n != others {
		t.Fatalf("%d changes wait, want %d", n, others)
	}
	close(g.first)
	all.Wait()
	for i, rev := range revs {
		if rev != store.Rev(i+1) {
			t.Fatalf("announced in the order %v, want ascending revs without gaps", revs)
		}
	}
	if len(revs) != others+1 {
		t.Errorf("%d changes were announced, want %d", len(revs), others+1)
	}

	func() {
		defer func() { recover() }()
		_, _ = s.change(t.Context(), "r", func() (store.Message, bool, error) { panic("a bug") })
	}()
	done, err := s.change(t.Context(), "r", func() (store.Message, bool, error) { return store.Message{ID: "after"}, false, nil })
	if err != nil || done.ID != "after" {
		t.Errorf("the change after one that panicked: %+v, error %v", done, err)
	}
}
