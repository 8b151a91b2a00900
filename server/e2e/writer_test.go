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

// tokenSize is the length of a token in characters: two hexadecimal digits of the writer's
// id, five of the token's number, and a semicolon. Tokens are inserted between tokens, so
// the text is always a sequence of complete tokens.
const tokenSize = 8

// token is the state of one token.
type token struct {
	inserted bool // the insertion is acked
	deleting bool // the deletion has been sent
	deleted  bool // the deletion is acked
}

// A writer is a client that edits as fast as its edits are acked.
type writer struct {
	*client
	id     int
	random *rand.Rand

	// Guarded by the client's mutex, under which edits and acks happen.
	tokens    map[string]*token
	undeleted []string // tokens without a deletion
	acked     int      // edits
}

// maxUnderway is the maximum number of unacknowledged edits of a writer.
const maxUnacked = 32

func newWriter(t *testing.T, room string, id int, random *rand.Rand) *writer {
	return &writer{
		client: newClient(t, room, uint64(1+id)), id: id, tokens: map[string]*token{},
		random: rand.New(rand.NewPCG(random.Uint64(), uint64(id))),
	}
}

// run edits until the connection is closed or stop is closed.
func (w *writer) run(stop <-chan struct{}) {
	w.mu.Lock()
	ended := w.ended
	w.mu.Unlock()
	for {
		pause := time.After(time.Duration(w.random.IntN(4_000)) * time.Microsecond)
		for w.countUnacked() >= maxUnacked {
			select {
			case <-w.ackArrived:
			case <-ended:
				return
			case <-stop:
				return
			}
		}
		select {
		case <-pause:
		case <-ended:
			return
		case <-stop:
			return
		}
		w.editOnce()
	}
}

// editOnce makes one edit. About every fifth deletes one of the writer's own tokens, the
// others insert a token.
func (w *writer) editOnce() {
	tok := &token{}
	deletion := w.random.IntN(5) == 0
	w.edit(func(doc *crdt.Doc) (update []byte, err error) {
		if deletion = deletion && len(w.undeleted) > 0; deletion {
			tok, update, err = w.deleteToken(doc)
			return update, err
		}
		name := fmt.Sprintf("%02x%05x;", w.id, len(w.tokens))
		w.tokens[name] = tok
		w.undeleted = append(w.undeleted, name)
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

// deleteToken deletes a random token of this writer that is not deleted yet.
func (w *writer) deleteToken(doc *crdt.Doc) (*token, []byte, error) {
	i, last := w.random.IntN(len(w.undeleted)), len(w.undeleted)-1
	name := w.undeleted[i]
	w.undeleted[i], w.undeleted = w.undeleted[last], w.undeleted[:last]
	tok := w.tokens[name]
	tok.deleting = true
	at := strings.Index(doc.Text(root).String(), name)
	if at < 0 {
		return nil, nil, fmt.Errorf("token %s is missing, although it was not deleted", name)
	}
	update, err := doc.DeleteText(root, at, tokenSize)
	return tok, update, err
}

// A writerGroup is writers in a few rooms.
type writerGroup []*writer

func newWriters(t *testing.T, random *rand.Rand, writers, rooms int) (c writerGroup) {
	for id := range writers {
		c = append(c, newWriter(t, fmt.Sprintf("crash/%d", id%rooms), id, random))
	}
	return c
}

// connect connects all writers concurrently.
func (c writerGroup) connect(t *testing.T, p *process) {
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

// run lets all writers edit until stop is closed or their connection is closed. The
// returned function waits until all have stopped.
func (c writerGroup) run(stop <-chan struct{}) (wait func()) {
	var all sync.WaitGroup
	for _, w := range c {
		all.Go(func() { w.run(stop) })
	}
	return all.Wait
}

// waitUntilClosed waits until all connections are closed.
func (c writerGroup) waitUntilClosed() {
	for _, w := range c {
		<-w.ended
	}
}

// byRoom returns the writers of each room.
func (c writerGroup) byRoom() map[string]writerGroup {
	rooms := map[string]writerGroup{}
	for _, w := range c {
		rooms[w.room] = append(rooms[w.room], w)
	}
	return rooms
}

// countAcked returns the number of acknowledged edits of all writers.
func (c writerGroup) countAcked() (edits int) {
	for _, w := range c {
		w.mu.Lock()
		edits += w.acked
		w.mu.Unlock()
	}
	return edits
}

// verify opens every room with a new client and compares its text with the acknowledged
// edits. No writer may be connected, so that the text comes from the server's disk alone.
func (c writerGroup) verify(t *testing.T, p *process) {
	t.Helper()
	for room, writers := range c.byRoom() {
		reader := newClient(t, room, 1<<40)
		if err := reader.connect(p); err != nil {
			t.Fatalf("room %s cannot be opened: %v", room, err)
		}
		text := reader.text()
		reader.drop()
		for _, difference := range writers.compareText(text) {
			t.Errorf("room %s: %s", room, difference)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}

// compareText compares a room's text with the acknowledged edits of its writers, and
// returns at most 10 differences.
func (c writerGroup) compareText(text string) (differences []string) {
	report := func(format string, args ...any) {
		if len(differences) < 10 {
			differences = append(differences, fmt.Sprintf(format, args...))
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
				report("token %s occurs %d times", name, n)
			case n == 0 && tok.inserted && !tok.deleting:
				report("token %s is lost: its insertion was acked", name)
			case n == 1 && tok.deleted:
				report("token %s is in the text although its deletion was acked", name)
			}
		}
		w.mu.Unlock()
	}
	for name := range found {
		report("%q was never written", name)
	}
	return differences
}

// converge waits until all replicas of every room are equal, and checks their invariants.
func (c writerGroup) converge(t *testing.T) {
	t.Helper()
	deadline := time.After(timeout)
	for room, writers := range c.byRoom() {
		for !writers.areEqual() {
			select {
			case <-time.After(20 * time.Millisecond):
			case <-deadline:
				for _, w := range writers {
					text := w.text()
					t.Errorf("room %s, writer %d: %d characters, closed with %d", room, w.id, len(text), w.closeCode())
				}
				t.Fatalf("room %s has not converged after %s", room, timeout)
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

// areEqual reports whether all replicas have the same state vector and text, and no
// pending structs.
func (c writerGroup) areEqual() bool {
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
