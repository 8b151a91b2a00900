package room

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weft/crdt"
	"weft/server/room/journal"
	"weft/server/store"
	"weft/server/store/sqlite"
)

// TestCompactionKeepsTheDocument: a document with pending updates is the same after its log
// was compacted, at once or in parts.
func TestCompactionKeepsTheDocument(t *testing.T) {
	for most, compactions := range map[int]int{0: 1, 300: 3} {
		s := &parts{Store: openStore(t, t.TempDir()), most: most}
		defer s.Close()
		author := crdt.New(crdt.Options{ClientID: 5})
		var updates []store.Update
		for i := range 100 {
			u, err := author.InsertText("t", i/2*2, "😀")
			if err != nil {
				t.Fatal(err)
			}
			if i != 50 { // the updates after the missing one stay pending
				updates = append(updates, store.Update{Room: "r", Data: u})
			}
		}
		if err := s.AppendUpdates(t.Context(), updates); err != nil {
			t.Fatal(err)
		}
		before, err := load(t.Context(), s, "r")
		if err != nil {
			t.Fatal(err)
		}
		if !before.doc.HasPending() {
			t.Fatal("no update is pending, so this test would show nothing")
		}
		for more := true; more; {
			if more, err = Compact(t.Context(), s, "r"); err != nil {
				t.Fatal(err)
			}
			if log, _ := s.want(t, "r", before.doc); (log > 0) != more {
				t.Fatalf("%d log records, more: %v", log, more)
			}
		}
		if len(s.compacted) < compactions {
			t.Errorf("compacted %d times, want at least %d", len(s.compacted), compactions)
		}
		if more, err := Compact(t.Context(), s, "r"); more || err != nil {
			t.Errorf("compacting once more: more %v, %v", more, err)
		}
	}
}

// parts is a store that counts what is loaded and compacted, and that may fail.
type parts struct {
	*sqlite.Store
	most      int // bytes of a part, if not 0
	written   int // bytes of snapshots
	compacted []store.RoomID

	mu     sync.Mutex
	fail   error // of every LoadPart but the first
	loads  int
	beyond int // the most bytes by which the log in a part was larger than its snapshot
}

func (p *parts) LoadPart(ctx context.Context, id store.RoomID, after store.LogID, most int) (store.Doc, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.loads++; p.fail != nil && p.loads > 1 {
		return store.Doc{}, false, p.fail
	}
	if p.most > 0 {
		most = p.most
	}
	part, more, err := p.Store.LoadPart(ctx, id, after, most)
	size := -len(part.Snapshot)
	for _, update := range part.Log {
		size += len(update)
	}
	p.beyond = max(p.beyond, size)
	return part, more, err
}

func (p *parts) Compact(ctx context.Context, id store.RoomID, snapshot []byte, through store.LogID) error {
	p.written += len(snapshot)
	p.compacted = append(p.compacted, id)
	return p.Store.Compact(ctx, id, snapshot, through)
}

// log writes n updates of about size bytes each: one value that is overwritten, or a text
// that grows.
func (p *parts) log(t *testing.T, id store.RoomID, n, size int, grows bool) *crdt.Doc {
	t.Helper()
	author := crdt.New(crdt.Options{ClientID: 5})
	updates := make([]store.Update, n)
	for i := range updates {
		value := fmt.Sprintf("%*d", size, i)
		write := func() ([]byte, error) { return author.SetMap("m", "k", value) }
		if grows {
			write = func() ([]byte, error) { return author.InsertText("t", author.Length("t"), value) }
		}
		u, err := write()
		if err != nil {
			t.Fatal(err)
		}
		updates[i] = store.Update{Room: id, Data: u}
	}
	if err := p.AppendUpdates(t.Context(), updates); err != nil {
		t.Fatal(err)
	}
	return author
}

// want checks that the stored document is the author's, and returns the size of its log.
func (p *parts) want(t *testing.T, id store.RoomID, author *crdt.Doc) (records, size int) {
	t.Helper()
	l, err := load(t.Context(), p.Store, id)
	if err != nil {
		t.Fatal(err)
	}
	if string(l.doc.EncodeStateAsUpdate(nil)) != string(author.EncodeStateAsUpdate(nil)) {
		t.Errorf("the stored document of room %q is not its author's", id)
	}
	return l.log.records, l.log.bytes
}

// TestCompactionInParts: however long a log is, a compaction loads a part of it that is
// bounded by longBytes and the snapshot, and all of them write at most about twice the
// bytes of the log. No room waits for all of another room's log.
func TestCompactionInParts(t *testing.T) {
	const n, size = 100, 64 << 10
	for name, grows := range map[string]bool{"a document that stays small": false, "a document that grows": true} {
		t.Run(name, func(t *testing.T) {
			p := &parts{Store: openStore(t, t.TempDir())}
			defer p.Close()
			large := p.log(t, "large", n, size, grows)
			many := p.log(t, "many", longRecords, 1, false)
			few := p.log(t, "few", longRecords-1, 1, false)
			f := &Compactor{store: p, log: quietLog, skip: map[store.RoomID]time.Time{}}
			f.tick(t.Context())

			if records, bytes := p.want(t, "large", large); records >= longRecords || bytes >= longBytes && !grows {
				t.Errorf("%d records of %d bytes are left of the large log", records, bytes)
			}
			if records, _ := p.want(t, "many", many); records != 0 {
				t.Errorf("%d small records are left", records)
			}
			if records, _ := p.want(t, "few", few); records != longRecords-1 {
				t.Errorf("%d small records are left of a log that is not long", records)
			}
			if len(p.compacted) < 4 || p.compacted[0] != "large" || p.compacted[1] != "many" {
				t.Errorf("compacted %q", p.compacted)
			}
			if p.beyond > longBytes {
				t.Errorf("a part of a log was %d bytes larger than its snapshot, want %d at most", p.beyond, longBytes)
			}
			if p.written > 2*n*size {
				t.Errorf("wrote %d bytes of snapshots for a log of %d", p.written, n*size)
			}
			loads := p.loads
			if f.tick(t.Context()); p.loads != loads {
				t.Error("a tick loaded logs that are not long")
			}
		})
	}
}

// TestCompactionStopsAtDamage: the parts before the damage are compacted. The rest of the log
// stays as it is and is not tried again for compactionRetry.
func TestCompactionStopsAtDamage(t *testing.T) {
	p := &parts{Store: openStore(t, t.TempDir()), fail: store.ErrCorrupt}
	defer p.Close()
	author := p.log(t, "r", 50, 64<<10, false)
	f := &Compactor{store: p, log: quietLog, skip: map[store.RoomID]time.Time{}}
	f.tick(t.Context())
	f.tick(t.Context())
	if p.loads != 2 || len(p.compacted) != 1 {
		t.Errorf("%d parts were loaded and %d compacted, want 2 and 1", p.loads, len(p.compacted))
	}
	if records, _ := p.want(t, "r", author); records == 0 || records >= 50 {
		t.Errorf("%d records are left", records)
	}
	p.fail = nil
	f.skip["r"] = time.Now()
	f.tick(t.Context())
	if _, bytes := p.want(t, "r", author); bytes >= longBytes || len(f.skip) > 0 {
		t.Errorf("after the retry %d bytes are left, skipping %v", bytes, f.skip)
	}
}

// TestUrgentLogsAreCompactedAtOnce: however fast a log grows, it stays below twice
// urgentLogBytes, without the compactor's ticker.
func TestUrgentLogsAreCompactedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		p := &parts{Store: openStore(t, t.TempDir())}
		f := NewCompactor(p, quietLog)
		j := journal.New(journal.Options{Store: p, Log: quietLog, OnCommit: f.Appended})
		authors := map[store.RoomID]*crdt.Doc{}
		for i := range 32 {
			for _, room := range []store.RoomID{"fast", "slow"} {
				if room == "slow" && i%10 > 0 {
					continue
				}
				if authors[room] == nil {
					authors[room] = crdt.New(crdt.Options{ClientID: 5})
				}
				u, err := authors[room].SetMap("m", "k", strings.Repeat(string(rune('a'+i%26)), journal.EarlyBytes))
				if err != nil {
					t.Fatal(err)
				}
				j.Add(journal.Record{Update: store.Update{Room: room, Data: u}, Position: journal.NewPosition(nil), Number: 1})
			}
			synctest.Wait() // for the commit and the compaction
			if long, err := p.LongLogs(t.Context(), math.MaxInt, 2*urgentLogBytes); err != nil || len(long) > 0 {
				t.Errorf("after %d updates of 1 MiB these logs are too long: %q, %v", i+1, long, err)
				break
			}
		}
		if took := time.Since(begun); took >= compactEvery {
			t.Errorf("the test took %v, so the ticker may have caused the compactions", took)
		}
		if n := len(p.compacted); n == 0 || slices.Contains(p.compacted[:1], "slow") {
			t.Errorf("compacted %q", p.compacted)
		}
		if err := errors.Join(j.Close(t.Context()), f.Close(t.Context())); err != nil {
			t.Error(err)
		}
		for room, author := range authors {
			p.want(t, room, author)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
}
