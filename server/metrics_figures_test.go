package server

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"weft/crdt"
	"weft/server/auth"
	"weft/server/room"
	"weft/server/store"
	"weft/server/wire"
)

// damagedRoom is a store in which one room is not whole.
type damagedRoom struct {
	store.Store
	id store.RoomID
}

func (d damagedRoom) LoadPart(ctx context.Context, id store.RoomID, after store.LogID, most int) (store.Doc, bool, error) {
	if id == d.id {
		return store.Doc{}, false, store.ErrCorrupt
	}
	return d.Store.LoadPart(ctx, id, after, most)
}

// TestMetricsFollowWhatHappens: who comes and goes, what is written and what is
// damaged shows in the next scrape, and nobody's name.
func TestMetricsFollowEvents(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	disk := make(chan struct{})
	s := startServer(t, Config{rooms: func(in store.Store) store.Store {
		return damagedRoom{hangingDisk{in, &hangs, disk}, "secret/damaged"}
	}})
	says := func(want float64, name string, label ...string) {
		t.Helper()
		waitUntil(t, fmt.Sprint(name, label, " is ", want), func() bool { return s.readMetric(t, name, label...) == want })
	}

	for _, door := range []string{"y-websocket", "hocuspocus", "native", "sse"} {
		says(0, "weft_connections", door)
	}
	says(0, "weft_rooms")
	stock := s.dialYWebsocket(t, "secret/room")
	says(1, "weft_connections", "y-websocket")
	says(1, "weft_rooms")
	s.joinHocuspocus(t, "secret/room")
	says(1, "weft_connections", "hocuspocus")
	ana := s.createGuest(t, "Anastasia")
	native := s.joinRoom(t, ana, "secret/room")
	says(1, "weft_connections", "native")
	s.openEvents(t, ana.Token, "").readEvent()
	says(1, "weft_connections", "sse")
	native.ws.Close()
	says(0, "weft_connections", "native")
	says(1, "weft_connections", "y-websocket")

	before := s.readMetric(t, "weft_resyncs_total", "asked")
	sendAndAwaitAnswer(t, stock, wire.AppendStep1(nil, []byte{0}), "\x00\x01")
	says(before+1, "weft_resyncs_total", "asked")
	says(0, "weft_resyncs_total", "behind")

	doc := crdt.New(crdt.Options{ClientID: 1})
	update, err := doc.InsertText("t", 0, "x")
	if err != nil {
		t.Fatal(err)
	}
	says(0, "weft_journal_bytes")
	says(0, "weft_journal_oldest_seconds")
	before = s.readMetric(t, "weft_commit_seconds")
	hangs.Store(true)
	sendUpdate(t, stock, update)
	says(float64(len(update)), "weft_journal_bytes")
	age := s.readMetric(t, "weft_journal_oldest_seconds")
	waitUntil(t, "what waits grows older", func() bool { return s.readMetric(t, "weft_journal_oldest_seconds") > age })
	close(disk)
	applyUntilEqual(t, stock, crdt.New(crdt.Options{}), doc)
	if after := s.readMetric(t, "weft_commit_seconds"); after <= before {
		t.Errorf("%v commits after %v", after, before)
	}
	says(0, "weft_journal_bytes")
	says(0, "weft_journal_oldest_seconds")

	says(0, "weft_rooms_quarantined")
	if _, code := s.dialWebSocket(t, "/ws/secret/damaged", "", nil); code != 503 {
		t.Errorf("a damaged room is answered by %d", code)
	}
	says(1, "weft_rooms_quarantined")

	page, families := s.scrapeMetrics(t)
	for _, name := range []string{"go_goroutines", "weft_pushes_total", "weft_rooms_memory_bytes"} {
		if families[name] == nil {
			t.Errorf("/metrics does not say %s", name)
		}
	}
	for _, secret := range []string{"secret", "Anastasia", ana.User.ID} {
		if strings.Contains(page, secret) {
			t.Errorf("/metrics names %q", secret)
		}
	}
	problems, err := promlint.New(strings.NewReader(page)).Lint()
	if err != nil {
		t.Error(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// stuck is a peer with which whoever works for its room stands still, and so the room's
// lock is held.
type blockedPeer struct {
	recordingPeer
	blocked  func()
	released chan struct{}
}

func (s *blockedPeer) Deliver(room.Class, []byte) {
	s.blocked()
	<-s.released
}

// TestAScrapeWaitsForNoRoom: /metrics answers while the locks of 1,000 rooms are held.
func TestScrapeDoesNotWaitForRoomLocks(t *testing.T) {
	t.Parallel()
	s := startServer(t, Config{})
	const n = 1000
	var standing, joined sync.WaitGroup
	until := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(until); joined.Wait() })
	defer goOn()
	for i := range n {
		r, release, err := s.hub.Open(t.Context(), store.RoomID(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		standing.Add(1)
		joined.Go(func() {
			defer release()
			p := &blockedPeer{blocked: sync.OnceFunc(standing.Done), released: until}
			if err := r.Join(p, room.PeerInfo{Role: auth.Write}); err != nil {
				t.Error(err)
			}
			r.Leave(p)
		})
	}
	standing.Wait()
	if got := s.readMetric(t, "weft_rooms"); got != n {
		t.Errorf("%v rooms", got)
	}
	if got := s.readMetric(t, "weft_rooms_memory_bytes"); got < n*1024 {
		t.Errorf("%v bytes", got)
	}
	goOn()
}
