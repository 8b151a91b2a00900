package room

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
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
	nudge  chan struct{}
	cancel context.CancelFunc
	done   chan struct{}
	once   sync.Once
	// skip holds rooms whose fold failed, and when it is tried again: their
	// logs stay as they are meanwhile.
	skip map[store.RoomID]time.Time
}

// FoldStore is the part of a store that the folder needs.
type FoldStore interface {
	LoadDoc(ctx context.Context, room store.RoomID) (store.Doc, error)
	FoldDoc(ctx context.Context, room store.RoomID, snapshot []byte, through store.LogID) error
	LongLogs(ctx context.Context, min int) ([]store.RoomID, error)
}

const (
	// foldAt is how many log records make a log long.
	foldAt    = 500
	foldEvery = 5 * time.Second
	foldRetry = 10 * time.Minute // after a failure
)

// NewFolder starts the folder's goroutine; Close ends it.
func NewFolder(s FoldStore, log *slog.Logger) *Folder {
	ctx, cancel := context.WithCancel(context.Background())
	f := &Folder{store: s, log: log, nudge: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}), skip: map[store.RoomID]time.Time{}}
	go f.run(ctx)
	return f
}

// Nudge makes the folder look now.
func (f *Folder) Nudge() {
	select {
	case f.nudge <- struct{}{}:
	default:
	}
}

// Close stops and waits, until ctx ends: a store that does not answer is given
// up.
func (f *Folder) Close(ctx context.Context) error {
	f.once.Do(f.cancel)
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
		case <-f.nudge:
		}
		f.sweep(ctx)
	}
}

func (f *Folder) sweep(ctx context.Context) {
	rooms, err := f.store.LongLogs(ctx, foldAt)
	if err != nil {
		if ctx.Err() == nil {
			f.log.Error("looking for long logs", "err", err)
		}
		return
	}
	for _, id := range rooms {
		if ctx.Err() != nil {
			return
		}
		if time.Now().Before(f.skip[id]) {
			continue
		}
		delete(f.skip, id)
		if err := Fold(ctx, f.store, id); err != nil && ctx.Err() == nil {
			f.skip[id] = time.Now().Add(foldRetry)
			f.log.Error("a log could not be folded and stays as it is", "room", id, "err", err)
		}
	}
}

// Fold replaces a room's log by a snapshot that holds the same.
func Fold(ctx context.Context, s FoldStore, id store.RoomID) error {
	stored, err := s.LoadDoc(ctx, id)
	if err != nil {
		return fmt.Errorf("room: fold: %w", err)
	}
	if len(stored.Log) == 0 {
		return nil
	}
	doc, err := open(stored)
	if err != nil {
		return fmt.Errorf("room: fold: %w", err)
	}
	snapshot := doc.EncodeStateAsUpdate(nil)
	if err := verify(doc, snapshot); err != nil {
		return fmt.Errorf("room: fold: %w", err)
	}
	if err := s.FoldDoc(ctx, id, snapshot, stored.Through); err != nil {
		return fmt.Errorf("room: fold: %w", err)
	}
	return nil
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
