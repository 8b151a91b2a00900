package room

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weft/crdt"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/room/feed"
	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quietLog = slog.New(slog.DiscardHandler)

func openStore(t *testing.T, dir string) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(filepath.Join(dir, "weft.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// listener is a Peer that records its acks, deliveries and close code.
type listener struct {
	mu     sync.Mutex
	acked  uint64
	news   int
	closed wire.CloseCode
	change chan struct{}
}

func newListener() *listener { return &listener{change: make(chan struct{}, 1)} }

func (l *listener) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	select {
	case l.change <- struct{}{}:
	default:
	}
}

func (l *listener) Wake(*feed.Reader)                {}
func (l *listener) Echoes() bool                     { return false }
func (l *listener) Deliver(Class, []byte)            { l.note(func() { l.news++ }) }
func (l *listener) DeliverEvent(*event.Encoded)      { l.note(func() { l.news++ }) }
func (l *listener) Refused()                         {}
func (l *listener) Acked(n uint64)                   { l.note(func() { l.acked = n }) }
func (l *listener) Close(c wire.CloseCode, _ string) { l.note(func() { l.closed = c }) }
func (l *listener) waitAck(t *testing.T, want uint64) {
	t.Helper()
	deadline := time.After(90 * time.Second)
	for {
		l.mu.Lock()
		got := l.acked
		l.mu.Unlock()
		if got >= want {
			return
		}
		select {
		case <-l.change:
		case <-deadline:
			t.Fatalf("acked %d of %d", got, want)
		}
	}
}

func mustJoin(t *testing.T, r *Room, p Peer) {
	t.Helper()
	if err := r.Join(p, PeerInfo{Role: auth.Write}); err != nil {
		t.Error(err)
	}
}

func TestAckedUpdatesAreInTheStore(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, dir)
	h := NewHub(HubOptions{Store: s, Log: quietLog})
	r, release, err := h.Open(t.Context(), "class/7")
	if err != nil {
		t.Fatal(err)
	}
	a, b := newListener(), newListener()
	mustJoin(t, r, a)
	mustJoin(t, r, b)
	author := crdt.New(crdt.Options{ClientID: 5})
	const n = 200
	for i := range n {
		u, err := author.InsertText("t", i, "x")
		if err != nil {
			t.Fatal(err)
		}
		r.Receive(a, update(u))
	}
	a.waitAck(t, n)
	// The store holds them already, though the room is open.
	doc, err := Load(t.Context(), s, "class/7")
	if err != nil || len(doc.Text("t").String()) != n {
		t.Fatalf("%d characters are stored, %v", len(doc.Text("t").String()), err)
	}
	release()
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestOneInstanceThroughOpenAndClose opens and leaves one room from many goroutines while
// it is unloaded all the time. There is one instance at a time, and the next one has
// everything that was acked.
func TestOneInstanceThroughOpenAndClose(t *testing.T) {
	s := openStore(t, t.TempDir())
	h := NewHub(HubOptions{Store: s, Log: quietLog, Idle: time.Microsecond})
	var wg sync.WaitGroup
	const clients, edits = 8, 25
	for c := range clients {
		wg.Go(func() {
			author := crdt.New(crdt.Options{ClientID: uint64(c + 1)})
			for i := range edits {
				r, release, err := h.Open(t.Context(), "r")
				if err != nil {
					t.Error(err)
					return
				}
				if live, ok := h.Loaded("r"); !ok || live != r {
					t.Error("the room has a second instance")
				}
				p := newListener()
				mustJoin(t, r, p)
				u, err := author.InsertText(fmt.Sprint("t", c), i, "x")
				if err != nil {
					t.Error(err)
				}
				r.Receive(p, update(u))
				p.waitAck(t, 1)
				r.Leave(p)
				release()
				if rand.IntN(2) == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	wg.Wait()
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	doc, err := Load(t.Context(), s, "r")
	if err != nil {
		t.Fatal(err)
	}
	for c := range clients {
		if got := len(doc.Text(fmt.Sprint("t", c)).String()); got != edits {
			t.Errorf("client %d: %d of %d edits are stored", c, got, edits)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// brokenStore fails to load if err is set.
type brokenStore struct {
	store.Store
	err error
}

func (b *brokenStore) LoadPart(ctx context.Context, id store.RoomID, after store.LogID, most int) (store.Doc, bool, error) {
	if b.err != nil {
		return store.Doc{}, false, b.err
	}
	return b.Store.LoadPart(ctx, id, after, most)
}

func TestRoomThatCannotBeLoadedIsNotServedEmpty(t *testing.T) {
	s := openStore(t, t.TempDir())
	b := &brokenStore{Store: s, err: store.ErrCorrupt}
	h := NewHub(HubOptions{Store: b, Log: quietLog})
	if _, _, err := h.Open(t.Context(), "r"); !errors.Is(err, store.ErrCorrupt) {
		t.Fatalf("Open: %v", err)
	}
	b.err = nil
	// The room is refused for some time; see TestQuarantineIsLiftedByItself.
	if _, _, err := h.Open(t.Context(), "r"); !errors.Is(err, ErrQuarantined) || h.Quarantined() != 1 {
		t.Fatalf("Open a moment later: %v, %d in quarantine", err, h.Quarantined())
	}
	// Bytes that cannot be decoded are damage, too.
	if err := s.AppendUpdates(t.Context(), []store.Update{{Room: "bad", Data: []byte{9, 9, 9}}}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Open(t.Context(), "bad"); !errors.Is(err, store.ErrCorrupt) {
		t.Errorf("Open: %v", err)
	}
	if err := h.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.Open(t.Context(), "r"); !errors.Is(err, ErrClosed) {
		t.Errorf("Open after Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestPanicEndsOneRoom: after a panic the peers of one room reconnect, and other rooms are
// not affected.
func TestPanicEndsOneRoom(t *testing.T) {
	s := openStore(t, t.TempDir())
	h := NewHub(HubOptions{Store: s, Log: quietLog})
	r, release, err := h.Open(t.Context(), "r")
	if err != nil {
		t.Fatal(err)
	}
	other, releaseOther, err := h.Open(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	p := newListener()
	mustJoin(t, r, p)
	r.Receive(p, update(insert(t, 1, "kept")))
	if err := r.read(t.Context(), func(*crdt.Doc) { panic("a bug") }); !errors.Is(err, ErrClosed) {
		t.Errorf("read: %v", err)
	}
	if p.closed != wire.CloseOverload || p.acked != 1 {
		t.Errorf("the peer was closed with %d and acked %d messages", p.closed, p.acked)
	}
	if err := r.Join(newListener(), PeerInfo{Role: auth.Write}); !errors.Is(err, ErrClosed) {
		t.Errorf("Join: %v", err)
	}
	release()
	again, releaseAgain, err := h.Open(t.Context(), "r")
	for err == nil && again == r { // the old instance is still ending
		releaseAgain()
		again, releaseAgain, err = h.Open(t.Context(), "r")
	}
	if err != nil {
		t.Fatal(err)
	}
	if text, err := again.Text(t.Context(), "t"); err != nil || text != "kept" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := other.State(t.Context()); err != nil {
		t.Errorf("reading another room: %v", err)
	}
	releaseAgain()
	releaseOther()
	if err := errors.Join(h.Close(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}

// stuckStore does not answer a load.
type stuckStore struct{ store.Store }

func (stuckStore) LoadPart(ctx context.Context, _ store.RoomID, _ store.LogID, _ int) (store.Doc, bool, error) {
	<-ctx.Done()
	return store.Doc{}, false, ctx.Err()
}

func TestCloseEndsLoading(t *testing.T) {
	s := openStore(t, t.TempDir())
	h := NewHub(HubOptions{Store: stuckStore{s}, Log: quietLog})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Open(ctx, "r"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v", err)
	}
	if err := errors.Join(h.Close(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
}
