package room

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"slices"
	"sync"
	"time"

	"weft/crdt"
	"weft/server/internal/signal"
	"weft/server/store"
)

// A Compactor replaces the logs of rooms by snapshots, in the background. It works on what
// is stored and not on live rooms, so it takes no time from them. It never loses data: a
// snapshot is read back and compared before it replaces anything.
type Compactor struct {
	store  CompactionStore
	log    *slog.Logger
	urgent signal.Signal // urgentLogBytes have been appended since the last token
	cancel context.CancelFunc
	done   chan struct{}
	// skip holds rooms whose compaction failed, and when it is tried again. Their logs
	// stay as they are meanwhile. It belongs to the goroutine.
	skip map[store.RoomID]time.Time

	appended int // bytes since the last token; belongs to the caller of Appended

	mu       sync.Mutex
	unloaded map[store.RoomID]struct{} // rooms to compact at the next tick
}

// CompactionStore is the part of a store that a Compactor needs; see store.Store.
type CompactionStore interface {
	LoadPart(ctx context.Context, room store.RoomID, after store.LogID, most int) (part store.Doc, more bool, err error)
	Compact(ctx context.Context, room store.RoomID, snapshot []byte, through store.LogID) error
	LongLogs(ctx context.Context, records, bytes int) ([]store.RoomID, error)
}

const (
	// A log is long from longRecords records on, or from longBytes bytes, if it is worth
	// compacting.
	longRecords = 500
	longBytes   = loadBytes

	compactEvery    = 5 * time.Second
	compactionRetry = 10 * time.Minute // after a failure
	// urgentLogBytes is how many bytes are appended to all logs together before those logs
	// that are as long are compacted at once: otherwise a log could grow by as much as the
	// disk writes in compactEvery. So a log has less than twice as many bytes, and one
	// commit, when that begins.
	urgentLogBytes = 8 << 20
	// maxUnloaded bounds the unloaded rooms that wait to be compacted. The logs of others
	// stay as they are until they are unloaded again.
	maxUnloaded = 4096
)

// NewCompactor starts a compactor's goroutine; Close ends it.
func NewCompactor(s CompactionStore, log *slog.Logger) *Compactor {
	ctx, cancel := context.WithCancel(context.Background())
	c := &Compactor{store: s, log: log, urgent: signal.New(), cancel: cancel, done: make(chan struct{}), skip: map[store.RoomID]time.Time{}, unloaded: map[store.RoomID]struct{}{}}
	go c.run(ctx)
	return c
}

// Appended says that so many bytes have been appended to logs. It does not wait. It must
// not be called concurrently.
func (c *Compactor) Appended(bytes int) {
	if c.appended += bytes; c.appended >= urgentLogBytes {
		c.appended = 0
		c.urgent.Set()
	}
}

// Unloaded says that a room has been unloaded, with a log of at most this size. If that is
// worth it the log is compacted soon, so that the next load finds one snapshot, whose bytes
// answer the first sync step 1. It does not wait.
func (c *Compactor) Unloaded(id store.RoomID, log logSize) {
	if !log.worthCompacting() || log.isOneUpdate() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.unloaded) < maxUnloaded {
		c.unloaded[id] = struct{}{}
	}
}

// Stop ends compaction after the part in progress. It does not wait.
func (c *Compactor) Stop() { c.cancel() }

// Close stops and waits, until a second after ctx ends: a store that does not answer is
// given up with journal.ErrStalled.
func (c *Compactor) Close(ctx context.Context) error {
	c.cancel()
	return waitFor(ctx, c.done)
}

func (c *Compactor) run(ctx context.Context) {
	defer close(c.done)
	ticker := time.NewTicker(compactEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			c.tick(ctx)
		case <-c.urgent.C():
			c.compactAll(ctx, c.longLogs(ctx, math.MaxInt, urgentLogBytes))
		}
	}
}

// tick compacts long logs, and then those of unloaded rooms until the next tick is due or
// a log is urgent. So a room that is loaded and unloaded all the time is compacted at most
// once in a tick.
func (c *Compactor) tick(ctx context.Context) {
	begun := time.Now()
	maps.DeleteFunc(c.skip, func(_ store.RoomID, until time.Time) bool { return !time.Now().Before(until) })
	c.compactAll(ctx, c.longLogs(ctx, longRecords, longBytes))
	for time.Since(begun) < compactEvery && !c.urgent.IsSet() && ctx.Err() == nil {
		id, ok := c.takeUnloaded()
		if !ok {
			return
		}
		if _, skipped := c.skip[id]; !skipped {
			c.compactPart(ctx, id)
		}
	}
}

// takeUnloaded returns one of the unloaded rooms, which it removes.
func (c *Compactor) takeUnloaded() (id store.RoomID, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id = range c.unloaded {
		delete(c.unloaded, id)
		return id, true
	}
	return "", false
}

// compactAll compacts these rooms, a part of each in turn, so that no room waits for all of
// another's log. It ends after compactEvery, as others may have become long.
func (c *Compactor) compactAll(ctx context.Context, rooms []store.RoomID) {
	for begun := time.Now(); len(rooms) > 0 && time.Since(begun) < compactEvery; {
		more := map[store.RoomID]bool{}
		for _, id := range rooms {
			if more[id] = c.compactPart(ctx, id); ctx.Err() != nil {
				return
			}
		}
		// A log that has become long again only now waits for the next tick.
		rooms = slices.DeleteFunc(c.longLogs(ctx, longRecords, longBytes), func(id store.RoomID) bool { return !more[id] })
	}
}

// compactPart compacts a part of a log, and reports whether there is more of it.
func (c *Compactor) compactPart(ctx context.Context, id store.RoomID) (more bool) {
	more, err := Compact(ctx, c.store, id)
	if err != nil && ctx.Err() == nil {
		c.skip[id] = time.Now().Add(compactionRetry)
		c.log.Error("room: compaction failed; the log stays as it is", "room", id, "retry", compactionRetry, "err", err)
	}
	return more
}

// longLogs returns the rooms whose logs are long, without those in skip.
func (c *Compactor) longLogs(ctx context.Context, records, bytes int) []store.RoomID {
	rooms, err := c.store.LongLogs(ctx, records, bytes)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Error("room: compaction: long logs cannot be listed", "err", err)
		}
		return nil
	}
	return slices.DeleteFunc(rooms, func(id store.RoomID) bool { _, skipped := c.skip[id]; return skipped })
}

// Compact replaces the first part of a room's log by a snapshot with the same content, if
// that is worth it. more reports whether the log goes on after that part.
func Compact(ctx context.Context, s CompactionStore, id store.RoomID) (more bool, err error) {
	stored, more, err := s.LoadPart(ctx, id, 0, loadBytes)
	if err != nil {
		return false, fmt.Errorf("room: compact: %w", err)
	}
	log := logSize{}
	if log.add(stored); !more && !log.worthCompacting() {
		return false, nil
	}
	doc, err := newDoc(stored)
	if err != nil {
		return false, fmt.Errorf("room: compact: %w", err)
	}
	stored.Snapshot, stored.Log = nil, nil // lets the memory go before the new snapshot takes more
	snapshot := doc.EncodeStateAsUpdate(nil)
	if err := verifySnapshot(doc, snapshot); err != nil {
		return false, fmt.Errorf("room: compact: %w", err)
	}
	if err := s.Compact(ctx, id, snapshot, stored.Through); err != nil {
		return false, fmt.Errorf("room: compact: %w", err)
	}
	return more, nil
}

// verifySnapshot reads a snapshot back and demands the same document: its invariants, its
// state vector and all of its bytes, pending updates included.
func verifySnapshot(doc *crdt.Doc, snapshot []byte) error {
	again, err := newDoc(store.Doc{Snapshot: snapshot})
	switch {
	case err != nil:
		return fmt.Errorf("the snapshot cannot be read back: %w", err)
	case !maps.Equal(doc.StateVector(), again.StateVector()):
		return fmt.Errorf("the snapshot has another state vector")
	case !bytes.Equal(again.EncodeStateAsUpdate(nil), snapshot):
		return fmt.Errorf("the snapshot reads back as another document")
	}
	if err := again.Check(); err != nil {
		return fmt.Errorf("the snapshot breaks an invariant: %w", err)
	}
	return nil
}
