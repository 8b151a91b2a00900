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

// damagedRoom is a store in which one room is corrupt.
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

// TestMetricsFollowEvents checks that connections, rooms, commits and damaged rooms show in
// the next scrape of /metrics, and that /metrics has no names of rooms or people.
func TestMetricsFollowEvents(t *testing.T) {
	t.Parallel()
	var hangs atomic.Bool
	disk := make(chan struct{})
	s := startServer(t, Config{rooms: func(in store.Store) store.Store {
		return damagedRoom{hangingDisk{in, &hangs, disk}, "secret/damaged"}
	}})
	wantMetric := func(want float64, name string, label ...string) {
		t.Helper()
		waitUntil(t, fmt.Sprint(name, label, " is ", want), func() bool { return s.readMetric(t, name, label...) == want })
	}

	for _, door := range []string{"y-websocket", "hocuspocus", "native", "sse"} {
		wantMetric(0, "weft_connections", door)
	}
	wantMetric(0, "weft_rooms")
	yws := s.dialYWebsocket(t, "secret/room")
	wantMetric(1, "weft_connections", "y-websocket")
	wantMetric(1, "weft_rooms")
	s.joinHocuspocus(t, "secret/room")
	wantMetric(1, "weft_connections", "hocuspocus")
	ana := s.createGuest(t, "Anastasia")
	native := s.joinRoom(t, ana, "secret/room")
	wantMetric(1, "weft_connections", "native")
	s.openEvents(t, ana.Token, "").readEvent()
	wantMetric(1, "weft_connections", "sse")
	native.ws.Close()
	wantMetric(0, "weft_connections", "native")
	wantMetric(1, "weft_connections", "y-websocket")

	before := s.readMetric(t, "weft_resyncs_total", "asked")
	sendAndAwaitAnswer(t, yws, wire.AppendStep1(nil, []byte{0}), "\x00\x01")
	wantMetric(before+1, "weft_resyncs_total", "asked")
	wantMetric(0, "weft_resyncs_total", "behind")

	doc := crdt.New(crdt.Options{ClientID: 1})
	update, err := doc.InsertText("t", 0, "x")
	if err != nil {
		t.Fatal(err)
	}
	wantMetric(0, "weft_journal_bytes")
	wantMetric(0, "weft_journal_oldest_seconds")
	before = s.readMetric(t, "weft_commit_seconds")
	hangs.Store(true)
	sendUpdate(t, yws, update)
	wantMetric(float64(len(update)), "weft_journal_bytes")
	age := s.readMetric(t, "weft_journal_oldest_seconds")
	waitUntil(t, "the age of the oldest update in the journal grows", func() bool { return s.readMetric(t, "weft_journal_oldest_seconds") > age })
	close(disk)
	applyUntilEqual(t, yws, crdt.New(crdt.Options{}), doc)
	if after := s.readMetric(t, "weft_commit_seconds"); after <= before {
		t.Errorf("%v commits, want more than %v", after, before)
	}
	wantMetric(0, "weft_journal_bytes")
	wantMetric(0, "weft_journal_oldest_seconds")

	wantMetric(0, "weft_rooms_quarantined")
	if _, code := s.dialWebSocket(t, "/ws/secret/damaged", "", nil); code != 503 {
		t.Errorf("a damaged room: status %d, want 503", code)
	}
	wantMetric(1, "weft_rooms_quarantined")

	page, families := s.scrapeMetrics(t)
	for _, name := range []string{"go_goroutines", "weft_pushes_total", "weft_rooms_memory_bytes"} {
		if families[name] == nil {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	for _, secret := range []string{"secret", "Anastasia", ana.User.ID} {
		if strings.Contains(page, secret) {
			t.Errorf("/metrics contains %q", secret)
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

// blockedPeer is a peer whose Deliver blocks until released is closed, so that the room's
// lock is held. It calls blocked first.
type blockedPeer struct {
	recordingPeer
	blocked  func()
	released chan struct{}
}

func (s *blockedPeer) Deliver(room.Class, []byte) {
	s.blocked()
	<-s.released
}

// TestScrapeDoesNotWaitForRoomLocks checks that /metrics responds while the locks of 1,000
// rooms are held.
func TestScrapeDoesNotWaitForRoomLocks(t *testing.T) {
	t.Parallel()
	s := startServer(t, Config{})
	const n = 1000
	var blocked, joined sync.WaitGroup
	released := make(chan struct{})
	release := sync.OnceFunc(func() { close(released); joined.Wait() })
	defer release()
	for i := range n {
		r, closeRoom, err := s.hub.Open(t.Context(), store.RoomID(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		blocked.Add(1)
		joined.Go(func() {
			defer closeRoom()
			p := &blockedPeer{blocked: sync.OnceFunc(blocked.Done), released: released}
			if err := r.Join(p, room.PeerInfo{Role: auth.Write}); err != nil {
				t.Error(err)
			}
			r.Leave(p)
		})
	}
	blocked.Wait()
	if got := s.readMetric(t, "weft_rooms"); got != n {
		t.Errorf("weft_rooms is %v, want %d", got, n)
	}
	if got := s.readMetric(t, "weft_rooms_memory_bytes"); got < n*1024 {
		t.Errorf("weft_rooms_memory_bytes is %v, want at least %d", got, n*1024)
	}
	release()
}
