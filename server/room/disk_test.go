package room

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/room/feed"
	"weft/server/room/journal"
	"weft/server/store"
	"weft/server/wire"
)

// disk is a store in memory whose writes can fail, hang, or report damage. It stores
// documents only.
type disk struct {
	store.Store
	mu      sync.Mutex
	logs    map[store.RoomID][][]byte
	commits int
	rows    int
	fail    error
	hang    chan struct{} // writes wait until it is closed
	damaged map[store.RoomID]bool
}

func newDisk() *disk {
	return &disk{logs: map[store.RoomID][][]byte{}, damaged: map[store.RoomID]bool{}}
}

func (d *disk) AppendUpdates(_ context.Context, updates []store.Update) error {
	d.mu.Lock()
	hang := d.hang
	d.mu.Unlock()
	if hang != nil {
		<-hang
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail != nil {
		return d.fail
	}
	for _, u := range updates {
		if d.damaged[u.Room] {
			return store.ErrCorrupt
		}
	}
	for _, u := range updates {
		d.logs[u.Room] = append(d.logs[u.Room], u.Data)
	}
	d.commits++
	d.rows += len(updates)
	return nil
}

func (d *disk) LoadPart(_ context.Context, id store.RoomID, _ store.LogID, _ int) (store.Doc, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.damaged[id] {
		return store.Doc{}, false, store.ErrCorrupt
	}
	return store.Doc{Log: append([][]byte(nil), d.logs[id]...)}, false, nil
}

func (d *disk) LongLogs(context.Context, int, int) ([]store.RoomID, error) { return nil, nil }

func (d *disk) set(f func(*disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

// stored returns the room's text as it is stored.
func (d *disk) stored(t *testing.T, id store.RoomID) string {
	t.Helper()
	l, err := load(t.Context(), d, id)
	if err != nil {
		t.Fatal(err)
	}
	return l.doc.Text("t").String()
}

// author is a peer with a document of its own that behaves as Yjs clients do: it sends its
// edits, applies updates of others, and answers step 1 when the test says so.
type author struct {
	mu     sync.Mutex
	t      *testing.T
	room   *Room
	doc    *crdt.Doc
	acked  uint64
	acks   uint64 // calls of Acked
	sent   uint64
	events []string
	closed wire.CloseCode
	asked  []byte // a state vector to be answered
}

func enterAuthor(t *testing.T, r *Room, id uint64) *author {
	t.Helper()
	a := &author{t: t, room: r, doc: crdt.New(crdt.Options{ClientID: id})}
	if err := r.Join(a, PeerInfo{Role: auth.Write}); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *author) Echoes() bool { return false }

func (a *author) Wake(c *feed.Reader) {
	for s := next(c); s != nil; s = next(c) {
		a.Deliver(Document, s.Body)
	}
}

func (a *author) Deliver(_ Class, body []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	b, err := wire.DecodeBody(body)
	if err != nil {
		a.t.Error(err)
		return
	}
	switch {
	case b.Type == wire.TypeSync && b.Sync == ysync.Step1:
		a.asked = bytes.Clone(b.Payload)
	case b.Type == wire.TypeSync:
		if _, err := a.doc.ApplyUpdate(b.Payload); err != nil {
			a.t.Error(err)
		}
	}
}

func (a *author) DeliverEvent(e *event.Encoded) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.events = append(a.events, e.Event().EventName())
}

func (a *author) Acked(n uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.acked = max(a.acked, n)
	a.acks++
}

func (a *author) Refused() { a.t.Error("refused for a lack of rights") }

func (a *author) Close(c wire.CloseCode, _ string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = c
}

// answer sends step 2 if the room has sent step 1.
func (a *author) answer() {
	a.mu.Lock()
	asked := a.asked
	a.asked = nil
	var u []byte
	if asked != nil {
		sv, err := crdt.DecodeStateVector(asked)
		if err != nil {
			a.t.Error(err)
		}
		u = a.doc.EncodeStateAsUpdate(sv)
		a.sent++
	}
	a.mu.Unlock()
	if asked != nil {
		a.room.Receive(a, wire.Body{Type: wire.TypeSync, Sync: ysync.Step2, Payload: u})
	}
}

func (a *author) write(text string) {
	a.t.Helper()
	a.mu.Lock()
	u, err := a.doc.InsertText("t", 0, text)
	a.sent++
	a.mu.Unlock()
	if err != nil {
		a.t.Fatal(err)
	}
	a.room.Receive(a, update(u))
}

func (a *author) see() (acked, sent uint64, text string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.acked, a.sent, a.doc.Text("t").String()
}

func diskHub(d *disk) *Hub { return NewHub(HubOptions{Store: d, Log: slog.New(slog.DiscardHandler)}) }

// TestFailingDiskMakesRoomsReadOnlyUntilItWorks: updates that are sent while the disk
// fails are neither acked nor shown. They stay with their author, and are requested,
// stored and acked when the disk works again.
func TestFailingDiskMakesRoomsReadOnlyUntilItWorks(t *testing.T) {
	for name, f := range map[string]struct{ broken, healed func(*disk) }{
		"fails": {func(d *disk) { d.fail = errors.New("no space left on device") }, func(d *disk) { d.fail = nil }},
		"hangs": {func(d *disk) { d.hang = make(chan struct{}) }, func(d *disk) { close(d.hang); d.hang = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				h := diskHub(d)
				r, release, err := h.Open(t.Context(), "r")
				if err != nil {
					t.Fatal(err)
				}
				a, b := enterAuthor(t, r, 1), enterAuthor(t, r, 2)
				synctest.Wait()
				a.answer()
				b.answer()
				a.write("one ")
				time.Sleep(time.Second)
				if acked, sent, _ := a.see(); acked != sent {
					t.Fatalf("acked %d of %d while the disk works", acked, sent)
				}

				d.set(f.broken)
				a.write("two ") // this commit fails first, and is written when the disk works again
				time.Sleep(2 * journal.StallAfter)
				a.write("three ")
				a.write("four ")
				time.Sleep(time.Minute)
				acked, sent, _ := a.see()
				if acked != 2 || sent != 5 {
					t.Errorf("acked %d of %d while the disk fails, want 2 of 5", acked, sent)
				}
				if _, _, text := b.see(); text != "two one " {
					t.Errorf("the other peer has %q, which may never be stored", text)
				}
				late := enterAuthor(t, r, 3) // a peer may join and read meanwhile
				synctest.Wait()
				if len(late.events) != 1 || len(a.events) != 1 || len(b.events) != 1 || a.events[0] != "storage" {
					t.Errorf("the peers got the events %v, %v and %v, want storage each", a.events, b.events, late.events)
				}

				d.set(f.healed)
				time.Sleep(2 * journal.MaxRetryDelay)
				a.write("five ") // before step 1 is answered: its ack must not cover three and four
				synctest.Wait()
				if acked, _, _ := a.see(); acked > 3 {
					t.Errorf("acked %d, which covers updates that were refused", acked)
				}
				a.answer()
				time.Sleep(time.Second)
				if acked, sent, text := a.see(); acked != sent || d.stored(t, "r") != text {
					t.Errorf("acked %d of %d; stored %q of %q", acked, sent, d.stored(t, "r"), text)
				}
				if _, _, text := b.see(); text != "five four three two one " {
					t.Errorf("the other peer has %q", text)
				}
				if a.acks != a.sent {
					t.Errorf("%d acks for %d document messages", a.acks, a.sent)
				}
				if len(a.events) != 2 || a.closed != 0 {
					t.Errorf("got the events %v, closed with %d", a.events, a.closed)
				}
				release()
				if err := h.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}

// TestPeerThatDoesNotAnswerAfterAnOutageIsClosed: its next connection syncs.
func TestPeerThatDoesNotAnswerAfterAnOutageIsClosed(t *testing.T) {
	s := newState()
	p := enter(s, "a", true)
	s.step(command{kind: commandStorage, failing: true, now: start})
	s.step(command{kind: commandMessage, peer: p, body: update(insert(t, 1, "hi")), now: start})
	s.step(command{kind: commandStorage, now: start})
	if effects := s.step(command{kind: commandTick, now: start.Add(outageTimeout)}); len(effects) != 0 {
		t.Fatalf("effects %+v", effects)
	}
	effects := s.step(command{kind: commandTick, now: start.Add(outageTimeout + time.Second)})
	if len(effects) != 1 || effects[0].kind != effectClose || effects[0].code != wire.CloseOverload {
		t.Fatalf("effects %+v", effects)
	}
}

// TestDamagedRoomDoesNotDelayOthers: the store refuses to write to a damaged room; the
// updates of other rooms in the same commit are stored and acked.
func TestDamagedRoomDoesNotDelayOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		h := diskHub(d)
		var authors []*author
		for i, id := range []store.RoomID{"a", "bad", "c"} {
			r, release, err := h.Open(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			defer release()
			authors = append(authors, enterAuthor(t, r, uint64(i+1)))
		}
		d.set(func(d *disk) { d.damaged["bad"] = true })
		for range 10 {
			for _, a := range authors {
				a.write("x")
			}
		}
		time.Sleep(time.Second)
		for i, id := range []store.RoomID{"a", "bad", "c"} {
			acked, sent, _ := authors[i].see()
			if id == "bad" {
				if acked != 0 || authors[i].closed != wire.CloseOverload {
					t.Errorf("bad: acked %d, closed with %d", acked, authors[i].closed)
				}
			} else if acked != sent || d.stored(t, id) != "xxxxxxxxxx" {
				t.Errorf("%s: acked %d of %d, stored %q", id, acked, sent, d.stored(t, id))
			}
		}
		if _, _, err := h.Open(t.Context(), "bad"); !errors.Is(err, ErrQuarantined) {
			t.Errorf("Open: %v", err)
		}
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestQuarantineIsLiftedByItself: a damaged room is read again after growing delays, and
// opens once it is sound.
func TestQuarantineIsLiftedByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		d.damaged["r"] = true
		h := diskHub(d)
		for range 3 {
			if _, _, err := h.Open(t.Context(), "r"); !errors.Is(err, ErrQuarantined) || !errors.Is(err, store.ErrCorrupt) {
				t.Fatalf("Open: %v", err)
			}
			time.Sleep(time.Minute)
		}
		d.set(func(d *disk) { d.damaged["r"] = false })
		time.Sleep(maxQuarantine)
		_, release, err := h.Open(t.Context(), "r")
		if err != nil || h.Quarantined() != 0 {
			t.Fatalf("Open of the sound room: %v, %d in quarantine", err, h.Quarantined())
		}
		release()
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// TestHangingDiskDelaysNeitherEventsNorClose: while a commit hangs, a room that is full of
// unwritten updates delivers events at once, and Close does not wait for the disk.
func TestHangingDiskDelaysNeitherEventsNorClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		h := diskHub(d)
		r, release, err := h.Open(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		a := enterAuthor(t, r, 1)
		d.set(func(d *disk) { d.hang = make(chan struct{}) })
		go func() { // far more than may wait for the disk, before the stall is noticed
			for range 100 {
				a.write(string(bytes.Repeat([]byte("x"), 500<<10)))
			}
		}()
		time.Sleep(time.Second)
		begun := time.Now()
		const events = 500
		for range events {
			r.Broadcast(writableEvent)
			synctest.Wait()
		}
		if took := time.Since(begun); took != 0 || a.closed != 0 {
			t.Errorf("the events took %s, want 0; closed with %d", took, a.closed)
		}
		a.mu.Lock()
		if len(a.events) != events {
			t.Errorf("%d events arrived", len(a.events))
		}
		a.mu.Unlock()

		release()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun = time.Now()
		if err := h.Close(ctx); err == nil {
			t.Error("Close reports that everything is durable")
		}
		if took := time.Since(begun); took > 10*time.Second+2*endGrace {
			t.Errorf("Close took %s", took)
		}
		d.set(func(d *disk) { close(d.hang) }) // as closing a store does
	})
}

// TestFullRoomGoesOnReadOnly: once a room is read-only, callers that wait for space in the
// journal go on, nothing more gathers there, and everything that the author still holds is
// stored when the disk works again.
func TestFullRoomGoesOnReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most, each = 256 << 10, 16 << 10
		d := newDisk()
		h := NewHub(HubOptions{Store: d, Log: slog.New(slog.DiscardHandler), Limits: Limits{Journal: most}})
		r, release, err := h.Open(t.Context(), "r")
		if err != nil {
			t.Fatal(err)
		}
		a := enterAuthor(t, r, 1)
		synctest.Wait()
		a.answer()
		d.set(func(d *disk) { d.hang = make(chan struct{}) })
		begun := time.Now()
		for range 100 {
			a.write(string(bytes.Repeat([]byte("x"), each)))
		}
		if waited := time.Since(begun); waited == 0 || waited > 2*journal.StallAfter {
			t.Errorf("the author waited for %s", waited)
		}
		// Queued commands are executed before the room learns that it is read-only.
		if n := h.journal.Queued(); n < most || n > most+(commandQueue+2)*(each+100) {
			t.Errorf("%d bytes are queued for the disk", n)
		}
		d.set(func(d *disk) { close(d.hang); d.hang = nil })
		time.Sleep(time.Second)
		a.answer()
		time.Sleep(time.Second)
		if acked, sent, text := a.see(); acked != sent || d.stored(t, "r") != text {
			t.Errorf("acked %d of %d; stored %d of %d bytes", acked, sent, len(d.stored(t, "r")), len(text))
		}
		release()
		if err := h.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}
