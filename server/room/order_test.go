package room

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"testing"

	"weft/crdt"
	"weft/server/auth"
	"weft/server/store"
)

// orderly is a Peer that expects the bodies of each author in order.
type orderly struct {
	listener
	t    *testing.T
	last map[uint32]uint32
}

func (o *orderly) Deliver(class Class, body []byte) {
	if class != Stateless {
		return
	}
	from, n := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	o.note(func() {
		if n != o.last[from]+1 {
			o.t.Errorf("message %d of author %d arrived after message %d", n, from, o.last[from])
		}
		o.last[from] = n
	})
}

// TestStatelessMessagesOfOnePeerKeepTheirOrder: whether a message is delivered by its
// sender or by the room's goroutine, it does not overtake an earlier one of the same sender.
func TestStatelessMessagesOfOnePeerKeepTheirOrder(t *testing.T) {
	const authors, each = 4, 5000
	s := openStore(t, t.TempDir())
	defer s.Close()
	h := NewHub(HubOptions{Store: s, Log: quietLog})
	r, release, err := h.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	o := &orderly{listener: listener{change: make(chan struct{}, 1)}, t: t, last: map[uint32]uint32{}}
	if err := r.Join(o, PeerInfo{Role: auth.Write}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for a := range uint32(authors) {
		all.Go(func() {
			for i := range uint32(each) {
				r.Relay(nil, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, a), i+1))
			}
		})
	}
	all.Wait()
	if _, err := r.State(t.Context()); err != nil { // is executed after all of them
		t.Fatal(err)
	}
	o.note(func() {
		for a := range uint32(authors) {
			if o.last[a] != each {
				t.Errorf("%d messages of author %d arrived, want %d", o.last[a], a, each)
			}
		}
	})
	release()
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// orderedStore checks that no update is stored before one that it depends on.
type orderedStore struct {
	store.Store
	t   *testing.T
	doc *crdt.Doc // of all stored updates; of the journal's goroutine
}

func (o *orderedStore) AppendUpdates(ctx context.Context, updates []store.Update) error {
	for _, u := range updates {
		if _, err := o.doc.ApplyUpdate(u.Data); err != nil || o.doc.HasPending() {
			o.t.Errorf("an update is stored before one that it depends on, %v", err)
		}
	}
	return o.Store.AppendUpdates(ctx, updates)
}

// TestUpdatesOfOnePeerKeepTheirOrder: an update that overtakes the one before it is pending
// in every document until that arrives. Some updates are executed by their senders and some
// by the room's goroutine.
func TestUpdatesOfOnePeerKeepTheirOrder(t *testing.T) {
	const authors, each = 4, 1000
	s := &orderedStore{Store: openStore(t, t.TempDir()), t: t, doc: crdt.New(crdt.Options{})}
	h := NewHub(HubOptions{Store: s, Log: quietLog})
	r, release, err := h.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for a := range uint64(authors) {
		p := newListener()
		mustJoin(t, r, p)
		all.Go(func() {
			doc := crdt.New(crdt.Options{ClientID: a + 1})
			for i := range each {
				u, err := doc.InsertText(fmt.Sprint("t", a), i, "x")
				if err != nil {
					t.Error(err)
				}
				r.Receive(p, update(u))
			}
			p.waitAck(t, each)
		})
	}
	all.Wait()
	release()
	if err := errors.Join(h.Close(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	for a := range uint64(authors) {
		if got := s.doc.Length(fmt.Sprint("t", a)); got != each {
			t.Errorf("%d updates of author %d are stored, want %d", got, a, each)
		}
	}
}
