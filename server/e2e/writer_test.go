package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"weft/crdt"
)

// tokenSize is the length of a token: two hexadecimal digits of who wrote it,
// five of its number, and a semicolon. Tokens are inserted between tokens, so
// the text is always a sequence of whole ones.
const tokenSize = 8

// token is the state of one token.
type token struct {
	inserted bool // the insertion is acked
	deleting bool // a deletion has been sent
	deleted  bool // and is acked
}

// A writer is a client that edits as fast as its edits are acked.
type writer struct {
	*client
	id     int
	random *rand.Rand

	// Guarded by the client's mutex, under which edits and acks happen.
	tokens map[string]*token
	live   []string // tokens without a deletion
	acked  int      // edits
}

// maxUnderway is the maximum number of unacknowledged edits of a writer.
const maxUnderway = 32

func newWriter(t *testing.T, room string, id int, random *rand.Rand) *writer {
	return &writer{
		client: newClient(t, room, uint64(1+id)), id: id, tokens: map[string]*token{},
		random: rand.New(rand.NewPCG(random.Uint64(), uint64(id))),
	}
}

// run edits until the connection ends or stop is closed.
func (w *writer) run(stop <-chan struct{}) {
	w.mu.Lock()
	over := w.over
	w.mu.Unlock()
	for {
		pause := time.After(time.Duration(w.random.IntN(4_000)) * time.Microsecond)
		for w.waiting() >= maxUnderway {
			select {
			case <-w.echo:
			case <-over:
				return
			case <-stop:
				return
			}
		}
		select {
		case <-pause:
		case <-over:
			return
		case <-stop:
			return
		}
		w.step()
	}
}

// step makes one edit: every fifth or so deletes a token of the writer's own.
func (w *writer) step() {
	tok := &token{}
	deletion := w.random.IntN(5) == 0
	w.edit(func(doc *crdt.Doc) (update []byte, err error) {
		if deletion = deletion && len(w.live) > 0; deletion {
			tok, update, err = w.delete(doc)
			return update, err
		}
		name := fmt.Sprintf("%02x%05x;", w.id, len(w.tokens))
		w.tokens[name] = tok
		w.live = append(w.live, name)
		places := len(doc.Text(root).String())/tokenSize + 1
		return doc.InsertText(root, tokenSize*w.random.IntN(places), name)
	}, func() {
		w.acked++
		if deletion {
			tok.deleted = true
		} else {
			tok.inserted = true
		}
	})
}

func (w *writer) delete(doc *crdt.Doc) (*token, []byte, error) {
	i, last := w.random.IntN(len(w.live)), len(w.live)-1
	name := w.live[i]
	w.live[i], w.live = w.live[last], w.live[:last]
	tok := w.tokens[name]
	tok.deleting = true
	at := strings.Index(doc.Text(root).String(), name)
	if at < 0 {
		return nil, nil, fmt.Errorf("token %s is missing, although it was not deleted", name)
	}
	update, err := doc.DeleteText(root, at, tokenSize)
	return tok, update, err
}

// A crowd is writers in a few rooms.
type crowd []*writer

func newCrowd(t *testing.T, random *rand.Rand, writers, rooms int) (c crowd) {
	for id := range writers {
		c = append(c, newWriter(t, fmt.Sprintf("crash/%d", id%rooms), id, random))
	}
	return c
}

// connect connects everybody at once.
func (c crowd) connect(t *testing.T, p *process) {
	t.Helper()
	var all sync.WaitGroup
	for _, w := range c {
		all.Go(func() {
			if err := w.connect(p); err != nil {
				t.Errorf("writer %d: %v", w.id, err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// run lets everybody write until stop is closed or their connection ends. The
// returned function waits for that.
func (c crowd) run(stop <-chan struct{}) (wait func()) {
	var all sync.WaitGroup
	for _, w := range c {
		all.Go(func() { w.run(stop) })
	}
	return all.Wait
}

// hungUp waits until all connections are closed.
func (c crowd) hungUp() {
	for _, w := range c {
		<-w.over
	}
}

func (c crowd) rooms() map[string]crowd {
	rooms := map[string]crowd{}
	for _, w := range c {
		rooms[w.room] = append(rooms[w.room], w)
	}
	return rooms
}

func (c crowd) acked() (edits int) {
	for _, w := range c {
		w.mu.Lock()
		edits += w.acked
		w.mu.Unlock()
	}
	return edits
}

// verify lets a stranger open every room and compares what they find with what
// was acked. No writer may be connected.
func (c crowd) verify(t *testing.T, p *process) {
	t.Helper()
	for room, writers := range c.rooms() {
		stranger := newClient(t, room, 1<<40)
		if err := stranger.connect(p); err != nil {
			t.Fatalf("room %s can't be opened: %v", room, err)
		}
		text := stranger.text()
		stranger.drop()
		for _, complaint := range writers.audit(text) {
			t.Errorf("room %s: %s", room, complaint)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// audit compares a room's text with what its writers were promised.
func (c crowd) audit(text string) (complaints []string) {
	complain := func(format string, args ...any) {
		if len(complaints) < 10 {
			complaints = append(complaints, fmt.Sprintf(format, args...))
		}
	}
	found := map[string]int{}
	for at := 0; at < len(text); at += tokenSize {
		found[text[at:min(at+tokenSize, len(text))]]++
	}
	for _, w := range c {
		w.mu.Lock()
		for name, tok := range w.tokens {
			n := found[name]
			delete(found, name)
			switch {
			case n > 1:
				complain("token %s is there %d times", name, n)
			case n == 0 && tok.inserted && !tok.deleting:
				complain("token %s is lost: its insertion was acked", name)
			case n == 1 && tok.deleted:
				complain("token %s is back: its deletion was acked", name)
			}
		}
		w.mu.Unlock()
	}
	for name := range found {
		complain("%q was never written", name)
	}
	return complaints
}

// converge waits until all replicas of every room are equal, and checks their invariants.
func (c crowd) converge(t *testing.T) {
	t.Helper()
	deadline := time.After(patience)
	for room, writers := range c.rooms() {
		for !writers.same() {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-deadline:
				for _, w := range writers {
					text := w.text()
					t.Errorf("room %s, writer %d: %d characters, closed with %d", room, w.id, len(text), w.closeCode())
				}
				t.Fatalf("room %s has not converged after %s", room, patience)
			}
		}
		for _, w := range writers {
			w.mu.Lock()
			if err := w.doc.Check(); err != nil {
				t.Errorf("room %s, writer %d: %v", room, w.id, err)
			}
			w.mu.Unlock()
		}
	}
}

// same tells whether all replicas have the same state and text, and wait for
// nothing.
func (c crowd) same() bool {
	var vector, text string
	for i, w := range c {
		w.mu.Lock()
		v, x, pending := fmt.Sprint(w.doc.StateVector()), w.doc.Text(root).String(), w.doc.HasPending()
		w.mu.Unlock()
		if i == 0 {
			vector, text = v, x
		}
		if pending || v != vector || x != text {
			return false
		}
	}
	return true
}
