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
	"weft/server/store"
)

// Folder replaces long logs by snapshots in the background. It works from what
// is stored, not from the live rooms, so it takes no time from them, and it
// never stores less than there was: a snapshot is read back and compared
// before it replaces anything.
type Folder struct {
	store  FoldStore
	log    *slog.Logger
	woken  chan struct{} // holds a token once wakeBytes have come to the logs
	cancel context.CancelFunc
	done   chan struct{}
	// skip holds rooms whose fold failed, and when it is tried again: their
	// logs stay as they are meanwhile.
	skip map[store.RoomID]time.Time

	appended int // bytes since the last token; of who calls Appended

	mu   sync.Mutex
	left map[store.RoomID]struct{} // whose logs are folded at the next tick
}

// FoldStore is the part of a store that the folder needs.
type FoldStore interface {
	LoadPart(ctx context.Context, room store.RoomID, after store.LogID, most int) (part store.Doc, more bool, err error)
	Compact(ctx context.Context, room store.RoomID, snapshot []byte, through store.LogID) error
	LongLogs(ctx context.Context, records, bytes int) ([]store.RoomID, error)
}

const (
	// A log is long from longRecords records on, or from longBytes bytes, if it is
	// worthFolding.
	longRecords = 500
	longBytes   = logBytes
	foldEvery   = 5 * time.Second
	foldRetry   = 10 * time.Minute // after a failure
	// wakeBytes is how much comes to all logs together before those that have as
	// much are folded at once: else a log could grow by foldEvery of what the disk
	// takes. So one has less than twice as much, and a commit, when that begins.
	wakeBytes = 8 << 20
	// maxLeft bounds the rooms that wait to be folded since they left memory; the
	// logs of others stay as they are until they leave again.
	maxLeft = 4096
)

// NewFolder starts the folder's goroutine; Close ends it.
func NewFolder(s FoldStore, log *slog.Logger) *Folder {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Folder{store: s, log: log, woken: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}), skip: map[store.RoomID]time.Time{}, left: map[store.RoomID]struct{}{}}
	go f.run(ctx)
	return f
}

// Appended tells that so many bytes have come to the logs. It does not wait. It is
// not for concurrent use.
func (f *Folder) Appended(bytes int) {
	if f.appended += bytes; f.appended >= wakeBytes {
		f.appended = 0
		token(f.woken)
	}
}

// Left tells that a room has left memory, with so much of a log at most. If that is
// worth it, it is folded soon, so that the next who comes finds one snapshot, whose
// bytes are the answer. It does not wait.
func (f *Folder) Left(id store.RoomID, l length) {
	if !l.worthFolding() || l.single() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.left) < maxLeft {
		f.left[id] = struct{}{}
	}
}

// Stop has nothing more folded. It does not wait.
func (f *Folder) Stop() { f.cancel() }

// Close stops and waits, until ctx ends: a store that does not answer is given
// up.
func (f *Folder) Close(ctx context.Context) error {
	f.cancel()
	return await(ctx, f.done)
}

func (f *Folder) run(ctx context.Context) {
	defer close(f.done)
	ticker := time.NewTicker(foldEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.tick(ctx)
		case <-f.woken:
			f.sweep(ctx, f.long(ctx, math.MaxInt, wakeBytes))
		}
	}
}

// tick folds long logs, and then, until the next tick is due or bytes have come,
// those of rooms that have left. So a room that comes and goes all the time is folded
// no more often than that.
func (f *Folder) tick(ctx context.Context) {
	begun := time.Now()
	maps.DeleteFunc(f.skip, func(_ store.RoomID, until time.Time) bool { return !time.Now().Before(until) })
	f.sweep(ctx, f.long(ctx, longRecords, longBytes))
	for time.Since(begun) < foldEvery && len(f.woken) == 0 && ctx.Err() == nil {
		id, ok := f.next()
		if !ok {
			return
		}
		if _, skipped := f.skip[id]; !skipped {
			f.fold(ctx, id)
		}
	}
}

// next takes one of the rooms that have left.
func (f *Folder) next() (id store.RoomID, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id = range f.left {
		delete(f.left, id)
		return id, true
	}
	return "", false
}

// sweep folds these logs, a part of each in turn. It ends after foldEvery: then
// others may have become long.
func (f *Folder) sweep(ctx context.Context, rooms []store.RoomID) {
	for begun := time.Now(); len(rooms) > 0 && time.Since(begun) < foldEvery; {
		more := map[store.RoomID]bool{}
		for _, id := range rooms {
			if more[id] = f.fold(ctx, id); ctx.Err() != nil {
				return
			}
		}
		// A log that has only just become long again waits for the next sweep.
		rooms = slices.DeleteFunc(f.long(ctx, longRecords, longBytes), func(id store.RoomID) bool { return !more[id] })
	}
}

// fold folds a part of a log, and tells whether there is more of it.
func (f *Folder) fold(ctx context.Context, id store.RoomID) (more bool) {
	more, err := Fold(ctx, f.store, id)
	if err != nil && ctx.Err() == nil {
		f.skip[id] = time.Now().Add(foldRetry)
		f.log.Error("a log could not be folded and stays as it is", "room", id, "err", err)
	}
	return more
}

// long lists rooms to fold.
func (f *Folder) long(ctx context.Context, records, bytes int) []store.RoomID {
	rooms, err := f.store.LongLogs(ctx, records, bytes)
	if err != nil {
		if ctx.Err() == nil {
			f.log.Error("looking for long logs", "err", err)
		}
		return nil
	}
	return slices.DeleteFunc(rooms, func(id store.RoomID) bool { _, skipped := f.skip[id]; return skipped })
}

// Fold replaces the first part of a room's log by a snapshot that holds the
// same, if that is worth it. more says that this was not all of the log.
func Fold(ctx context.Context, s FoldStore, id store.RoomID) (more bool, err error) {
	stored, more, err := s.LoadPart(ctx, id, 0, logBytes)
	if err != nil {
		return false, fmt.Errorf("room: fold: %w", err)
	}
	log := length{}
	if log.add(stored); !more && !log.worthFolding() {
		return false, nil
	}
	doc, err := open(stored)
	if err != nil {
		return false, fmt.Errorf("room: fold: %w", err)
	}
	stored.Snapshot, stored.Log = nil, nil // make room for the new one
	snapshot := doc.EncodeStateAsUpdate(nil)
	if err := verify(doc, snapshot); err != nil {
		return false, fmt.Errorf("room: fold: %w", err)
	}
	if err := s.Compact(ctx, id, snapshot, stored.Through); err != nil {
		return false, fmt.Errorf("room: fold: %w", err)
	}
	return more, nil
}

// verify reads the snapshot back and demands the same document: its
// invariants, its state vector and all of its bytes, pending parts included.
func verify(doc *crdt.Doc, snapshot []byte) error {
	again, err := open(store.Doc{Snapshot: snapshot})
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
