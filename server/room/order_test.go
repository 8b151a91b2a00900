package room

import (
	"encoding/binary"
	"sync"
	"testing"

	"weft/server/auth"
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
			o.t.Errorf("number %d of author %d came after %d", n, from, o.last[from])
		}
		o.last[from] = n
	})
}

// TestWhatComesFromOnePeerKeepsItsOrder: an update that overtook the one before it
// would wait for it in every document. Some are carried out by who sends them and
// some by the room's goroutine.
func TestWhatComesFromOnePeerKeepsItsOrder(t *testing.T) {
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
	if _, err := r.State(t.Context()); err != nil { // comes after all of them
		t.Fatal(err)
	}
	o.note(func() {
		for a := range uint32(authors) {
			if o.last[a] != each {
				t.Errorf("%d of author %d's", o.last[a], a)
			}
		}
	})
	release()
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}
