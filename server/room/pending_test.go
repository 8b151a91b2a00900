package room

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/server/auth"
	"weft/server/wire"
)

// questions returns the names of the peers that are sent step 1, in order of the effects.
func questions(effects []effect) (names []string) {
	for _, e := range effects {
		if e.kind != effectSend {
			continue
		}
		if b, err := wire.DecodeBody(e.body); err == nil && b.Type == wire.TypeSync && b.Sync == ysync.Step1 {
			names = append(names, e.to.peer.(*nobody).name)
		}
	}
	return names
}

// answers makes peers answer step 1 with a step 2 that has nothing new.
func answers(s *state, names ...string) {
	for p := range s.members.byPeer {
		if n := p.(*nobody); slices.Contains(names, n.name) {
			s.step(command{kind: commandMessage, peer: p, body: wire.Body{Type: wire.TypeSync, Sync: ysync.Step2, Payload: []byte{0, 0}}, now: start})
		}
	}
}

// typed returns n updates of one letter each. Each depends on the one before.
func typed(t *testing.T, client uint64, n int) (updates [][]byte) {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: client})
	for i := range n {
		u, err := d.InsertText("t", i, string(rune('a'+i)))
		if err != nil {
			t.Fatal(err)
		}
		updates = append(updates, u)
	}
	return updates
}

// TestAuthorOfPendingUpdatesIsAsked: a peer whose update becomes pending is asked at once
// for the updates that it depends on, and not again within askAgainAfter. The pending
// update is stored and acked meanwhile.
func TestAuthorOfPendingUpdatesIsAsked(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	enter(s, "b", true)
	u := typed(t, 1, 9)
	if got := questions(s.step(command{kind: commandMessage, peer: a, body: update(typed(t, 2, 2)[1]), now: start})); got != nil {
		t.Errorf("%v are asked again before they have answered the step 1 of their joining", got)
	}
	s = newState()
	a = enter(s, "a", true)
	answers(s, "a")
	say := func(n int, after time.Duration) []effect {
		return s.step(command{kind: commandMessage, peer: a, body: update(u[n]), now: start.Add(after)})
	}
	for _, c := range []struct {
		n     int
		after time.Duration
		want  string
	}{
		{0, 0, "[]"}, {2, time.Second, "[a]"}, {2, 2 * time.Second, "[]"}, {3, 2 * time.Second, "[]"}, {5, 30 * time.Second, "[]"},
		{6, time.Second + askAgainAfter, "[a]"}, {4, 40 * time.Second, "[]"}, {1, 40 * time.Second, "[]"}, {8, 41 * time.Second, "[a]"}, {7, 41 * time.Second, "[]"},
	} {
		known := s.doc.EncodeStateAsUpdate(nil)
		effects := say(c.n, c.after)
		first := effects[0].kind
		got := questions(effects)
		answers(s, got...)
		if got := fmt.Sprint(got); got != c.want {
			t.Errorf("update %d after %v: %s are asked, want %s", c.n, c.after, got, c.want)
		}
		if again := string(known) == string(s.doc.EncodeStateAsUpdate(nil)); !again && first != effectJournal {
			t.Errorf("update %d is not stored", c.n)
		}
		if got := s.pending.exist(); got != s.doc.HasPending() {
			t.Errorf("update %d: pending updates exist: %v, want %v", c.n, got, !got)
		}
	}
	if got := s.doc.Text("t").String(); got != "abcdefghi" || s.pending.asked != nil {
		t.Errorf("in the end the text is %q, asked %v; want abcdefghi and none", got, s.pending.asked)
	}
}

// TestAllWritersAreAskedForMissingUpdates: after the author all peers that may write are
// asked, askedPerTick at a tick, in rounds with growing pauses, until Limits.Pending has
// passed. That is counted once, and no update is dropped.
func TestAllWritersAreAskedForMissingUpdates(t *testing.T) {
	s := newState()
	s.limits.Pending = 50 * time.Second
	a := enter(s, "a", true)
	for i := range askedPerTick + 8 {
		enter(s, fmt.Sprint("w", i), true)
		enter(s, fmt.Sprint("r", i), false)
	}
	for p := range s.members.byPeer {
		answers(s, p.(*nobody).name)
	}
	u := typed(t, 1, 3)
	answers(s, questions(s.step(command{kind: commandMessage, peer: a, body: update(u[1]), now: start}))...)
	var asked []string
	rounds := map[time.Duration]int{}
	over := 0
	tick := func(after time.Duration) {
		effects := s.step(command{kind: commandTick, now: start.Add(after)})
		for _, e := range effects {
			if e.kind == effectLimit && e.limit == "pending-wait" && e.reason != "" {
				over++
			}
		}
		for _, name := range questions(effects) {
			asked = append(asked, name)
			rounds[after]++
			answers(s, name)
		}
	}
	for after := time.Second; after < 50*time.Second; after += time.Second {
		tick(after)
	}
	tick(50*time.Second - 1)
	if over != 0 {
		t.Error("Limits.Pending was reported before it had passed")
	}
	sec := time.Second
	want := map[time.Duration]int{3 * sec: 32, 4 * sec: 9, 10 * sec: 32, 11 * sec: 9, 23 * sec: 32, 24 * sec: 9, 48 * sec: 32, 49 * sec: 9}
	if !maps.Equal(rounds, want) {
		t.Errorf("asked at %v", rounds)
	}
	for _, name := range asked {
		if strings.HasPrefix(name, "r") {
			t.Fatalf("%s is asked and may not write", name)
		}
	}
	clear(rounds)
	for after := 50 * time.Second; after < time.Hour; after += tickEvery {
		tick(after)
	}
	if over != 1 || len(rounds) > 0 {
		t.Errorf("Limits.Pending was reported %d times, want once; peers were asked afterwards at %v", over, rounds)
	}
	if !s.doc.HasPending() || !s.pending.since.Equal(start) {
		t.Errorf("has pending updates: %v, since %v; want some since %v", s.doc.HasPending(), s.pending.since, start)
	}
	s.step(command{kind: commandMessage, peer: a, body: update(u[0]), now: start.Add(time.Hour)})
	if got := s.doc.Text("t").String(); got != "ab" || s.pending.exist() || s.pending.reported {
		t.Errorf("in the end the text is %q, pending updates exist: %v", got, s.pending.exist())
	}
}

// TestNoPeerIsAskedWhileTheDiskFails: a read-only room could not accept what the peers
// would send.
func TestNoPeerIsAskedWhileTheDiskFails(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	s.step(command{kind: commandMessage, peer: a, body: update(typed(t, 1, 2)[1]), now: start})
	answers(s, "a")
	s.step(command{kind: commandStorage, failing: true, now: start})
	if effects := s.step(command{kind: commandTick, now: start.Add(10 * time.Second)}); len(effects) != 0 {
		t.Errorf("effects %+v", effects)
	}
	s.step(command{kind: commandStorage, now: start})
	if got := fmt.Sprint(questions(s.step(command{kind: commandTick, now: start.Add(11 * time.Second)}))); got != "[a]" {
		t.Errorf("%s are asked", got)
	}
}

// warnings is a writer that keeps what is logged.
type warnings struct {
	mu   sync.Mutex
	text strings.Builder
}

func (w *warnings) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *warnings) count(text string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Count(w.text.String(), text)
}

// TestPendingUpdatesAreNeverLost: a pending update is durable when it is acked. It stays
// stored however long its dependencies are missing, also when the room is unloaded, and it
// is shown once they arrive. Hub.Pending and one warning tell of it meanwhile.
func TestPendingUpdatesAreNeverLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, log := newDisk(), &warnings{}
		var mu sync.Mutex
		hits := map[string]int{}
		h := NewHub(HubOptions{
			Store: d, Log: slog.New(slog.NewTextHandler(log, nil)),
			OnLimit: func(limit string) { mu.Lock(); defer mu.Unlock(); hits[limit]++ },
		})
		waiting := func(rooms int, longest time.Duration) {
			t.Helper()
			synctest.Wait()
			if n, age := h.Pending(); n != rooms || age != longest {
				t.Errorf("updates are pending in %d rooms, for %v; want %d, %v", n, age, rooms, longest)
			}
		}
		open := func() (*Room, func()) {
			r, release, err := h.Open(t.Context(), "r")
			if err != nil {
				t.Fatal(err)
			}
			return r, release
		}
		r, release := open()
		a, b := enterAuthor(t, r, 1), enterAuthor(t, r, 2)
		u := typed(t, 77, 3)
		for _, early := range u[1:] { // b does not have the first one
			b.mu.Lock()
			b.sent++
			b.mu.Unlock()
			r.Receive(b, update(early))
		}
		time.Sleep(time.Second)
		if acked, sent, _ := b.see(); acked != 2 || sent != 2 {
			t.Errorf("%d of %d pending updates are acked, want 2 of 2", acked, sent)
		}
		if n := len(d.logs["r"]); n != 2 {
			t.Errorf("%d updates are stored, want 2", n)
		}
		waiting(1, time.Second)
		b.answer()
		time.Sleep(59*time.Second - tickEvery)
		if log.count("WARN") != 0 {
			t.Errorf("warned too early: %s", log.text.String())
		}
		time.Sleep(10 * time.Minute)
		waiting(1, 10*time.Minute+time.Minute-tickEvery)
		if n := log.count("pending updates depend on"); n != 1 || hits["pending-wait"] != 1 {
			t.Errorf("%d warnings, counted %v", n, hits)
		}

		// The room is closed and loaded again.
		r.Leave(a)
		r.Leave(b)
		release()
		time.Sleep(2 * time.Minute)
		waiting(0, 0)
		r, release = open()
		waiting(1, 0)
		c := enterAuthor(t, r, 3)
		if _, err := c.doc.ApplyUpdate(u[0]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		c.answer() // to the step 1 that every new peer gets
		r.Receive(c, wire.Body{Type: wire.TypeSync, Sync: ysync.Step1, Payload: []byte{0}})
		time.Sleep(time.Second)
		waiting(0, 0)
		if got := d.stored(t, "r"); got != "abc" {
			t.Errorf("stored %q", got)
		}
		if _, _, text := c.see(); text != "abc" {
			t.Errorf("shown %q", text)
		}
		release()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestAnyPeerMayBringTheMissingUpdates: a peer that has the missing updates is asked soon,
// though another peer sent the pending one.
func TestAnyPeerMayBringTheMissingUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		h := diskHub(d)
		r, release, err := h.Open(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		var all []*author
		for i := range 5 {
			all = append(all, enterAuthor(t, r, uint64(i+1)))
		}
		synctest.Wait()
		for _, a := range all {
			a.answer()
		}
		u := typed(t, 77, 2)
		if _, err := all[3].doc.ApplyUpdate(u[0]); err != nil { // peer 3 has not sent it
			t.Fatal(err)
		}
		r.Receive(all[0], update(u[1]))
		for range 3 {
			time.Sleep(tickEvery)
			for _, a := range all {
				a.answer()
			}
		}
		time.Sleep(time.Second)
		for i, a := range all {
			if _, _, text := a.see(); text != "ab" {
				t.Errorf("peer %d has %q, want ab", i, text)
			}
		}
		if n, _ := h.Pending(); n != 0 {
			t.Error("an update is still pending")
		}
		release()
		if err := h.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestReadersAreNotAskedForMissingUpdates: the room accepts no updates of theirs.
func TestReadersAreNotAskedForMissingUpdates(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	s.step(command{kind: commandMessage, peer: a, body: update(typed(t, 1, 2)[1]), now: start})
	answers(s, "a")
	s.step(command{kind: commandGrant, peer: a, info: PeerInfo{Role: auth.Comment}})
	if got := questions(s.step(command{kind: commandTick, now: start.Add(time.Minute / 2)})); got != nil {
		t.Errorf("%v are asked", got)
	}
}
