package room

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/server/auth"
	"weft/server/room/feed"
	"weft/server/room/journal"
	"weft/server/store"
)

// sleeper is a peer whose Wake takes some time.
type sleeper struct {
	*reader
	takes time.Duration
}

func (s *sleeper) Wake(*feed.Reader) { time.Sleep(s.takes) }

type nowhere struct{}

func (nowhere) AppendUpdates(context.Context, []store.Update) error { return nil }

// TestTryReceiveLeavesSlowRoomsToTheirGoroutine: a command that takes long inline delays
// the caller once. Then the room executes on its own goroutine for slowFor, and TryReceive
// returns false when the queue is full.
func TestTryReceiveLeavesSlowRoomsToTheirGoroutine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{Store: nowhere{}, Log: quietLog})
		r := newRoom("r", loaded{doc: crdt.New(crdt.Options{})}, &Hub{log: quietLog, limits: DefaultLimits(), onLimit: func(string) {}, journal: j})
		defer j.Close(t.Context())
		defer r.flush.timer.Stop()
		ana := &sleeper{reader: newReader("ana", 1, false)}
		if err := r.Join(ana, PeerInfo{Role: auth.Write}); err != nil {
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
			if !r.TryReceive(ana, update(u), time.Now()) {
				refused = u
				return false
			}
			refused = nil
			return true
		}
		executed := func(want int) {
			t.Helper()
			if got := int(r.state.appended); got != want {
				t.Fatalf("%d of %d updates were executed, want %d", got, wrote, want)
			}
		}
		for n := range 3 {
			if !write() {
				t.Fatal("TryReceive returned false though the queue has space")
			}
			executed(n + 1)
		}
		ana.takes = longInline
		if !write() {
			t.Fatal("TryReceive returned false though the queue has space")
		}
		executed(4)
		for range commandQueue { // nobody empties the queue, as this room has no goroutine
			if !write() {
				t.Fatal("TryReceive returned false though the queue has space")
			}
			executed(4)
		}
		if write() {
			t.Fatal("TryReceive returned true though the queue is full")
		}
		time.Sleep(slowFor)
		ana.takes = 0
		if write() {
			t.Fatal("TryReceive executed a message before those in a full queue")
		}
		executed(4)
		r.work(r.runQueued)
		executed(4 + commandQueue)
		if !write() {
			t.Fatal("TryReceive returned false though the queue has space")
		}
		executed(4 + commandQueue + 1)
	})
}

// TestTryReceiveQueuesLargeWork: a large message, a message for a large document, and one
// that comes after queued commands are left to the room's goroutine.
func TestTryReceiveQueuesLargeWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := journal.New(journal.Options{Store: nowhere{}, Log: quietLog})
		defer j.Close(t.Context())
		big := crdt.New(crdt.Options{ClientID: 7})
		for n := range smallDoc + 1 { // each before the last, so that none grow together
			if _, err := big.InsertText("t", 0, string(rune('a'+n%26))); err != nil {
				t.Fatal(err)
			}
		}
		small := crdt.New(crdt.Options{})
		for name, c := range map[string]struct {
			doc   *crdt.Doc
			text  string
			waits bool
			want  bool
		}{
			"a letter":                       {small, "a", false, true},
			"a page":                         {small, strings.Repeat("a", shortMessage), false, false},
			"a letter in a book":             {big, "a", false, false},
			"a letter while something waits": {small, "a", true, false},
		} {
			r := newRoom("r", loaded{doc: c.doc}, &Hub{log: quietLog, limits: DefaultLimits(), onLimit: func(string) {}, journal: j})
			ana := newReader("ana", 1, false)
			if err := r.Join(ana, PeerInfo{Role: auth.Write}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			if c.waits {
				r.queue(queuedCommand{command: command{kind: commandTick, now: time.Now()}})
			}
			before := len(r.commands)
			u, err := ana.doc.InsertText("t", 0, c.text)
			if err != nil {
				t.Fatal(err)
			}
			if !r.TryReceive(ana, update(u), time.Now()) {
				t.Errorf("%s: TryReceive returned false", name)
			}
			if executed := len(r.commands) == before; executed != c.want {
				t.Errorf("%s: executed inline: %v", name, executed)
			}
			r.flush.timer.Stop()
		}
	})
}
