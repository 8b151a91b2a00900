package room

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/server/auth"
	"weft/server/store"
)

// sleeper takes its time to hear that there is something.
type sleeper struct {
	*reader
	takes time.Duration
}

func (s *sleeper) Wake(*Cursor) { time.Sleep(s.takes) }

type nowhere struct{}

func (nowhere) AppendUpdates(context.Context, []store.Update) error { return nil }

// TestReceiveNowIsShort: a room where things take long costs who reads the sockets of all
// that once, and then works on its own goroutine; when that is behind, it says so.
func TestReceiveNowIsShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := NewJournal(JournalOptions{Store: nowhere{}, Log: quietLog})
		r := newRoom("r", loaded{doc: crdt.New(crdt.Options{})}, &Hub{log: quietLog, limits: DefaultLimits(), hit: func(string) {}, journal: j})
		defer j.Close(t.Context())
		defer r.flow.timer.Stop()
		ana := &sleeper{reader: newReader("ana", 1, false)}
		if err := r.Join(ana, Who{Role: auth.Write}); err != nil {
			t.Fatal(err)
		}
		wrote := 0
		var refused []byte
		write := func() bool {
			u := refused
			if u == nil {
				var err error
				if u, err = ana.doc.InsertText("t", wrote, "a"); err != nil {
					t.Fatal(err)
				}
				wrote++
			}
			time.Sleep(time.Second) // so that the room is at rest
			if !r.ReceiveNow(ana, update(u), time.Now()) {
				refused = u
				return false
			}
			refused = nil
			return true
		}
		carried := func(want int) {
			t.Helper()
			if got := int(r.state.appended); got != want {
				t.Fatalf("%d of %d updates were carried out, want %d", got, wrote, want)
			}
		}
		for n := range 3 {
			if !write() {
				t.Fatal("not taken")
			}
			carried(n + 1)
		}
		ana.takes = longTurn
		if !write() {
			t.Fatal("not taken")
		}
		carried(4)
		for range commandQueue { // which nobody works off, as this room has no goroutine
			if !write() {
				t.Fatal("not taken")
			}
			carried(4)
		}
		if write() {
			t.Fatal("taken, though the queue is full")
		}
		time.Sleep(slowFor)
		ana.takes = 0
		if !write() {
			t.Fatal("not taken")
		}
		carried(4 + commandQueue + 1)
	})
}
