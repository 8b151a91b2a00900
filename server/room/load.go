package room

import (
	"context"
	"fmt"

	"weft/crdt"
	"weft/server/store"
)

// load reads the stored document. Nothing is served before it has returned. full is
// the full state if it is stored just like that, else nil.
func load(ctx context.Context, s store.Store, id store.RoomID) (doc *crdt.Doc, full []byte, err error) {
	stored, err := s.LoadDoc(ctx, id)
	if err != nil {
		return nil, nil, fmt.Errorf("room: load: %w", err)
	}
	doc, err = open(stored)
	switch {
	case err != nil || !doc.AsLoaded():
	case stored.Snapshot != nil && len(stored.Log) == 0:
		full = stored.Snapshot
	case stored.Snapshot == nil && len(stored.Log) == 1:
		full = stored.Log[0]
	}
	return doc, full, err
}

// open makes a document of its stored parts.
func open(stored store.Doc) (*crdt.Doc, error) {
	doc := crdt.New(crdt.Options{})
	if stored.Snapshot != nil {
		if _, err := doc.ApplyStored(stored.Snapshot); err != nil {
			return nil, fmt.Errorf("room: load: snapshot: %w: %w", store.ErrCorrupt, err)
		}
	}
	for i, update := range stored.Log {
		if _, err := doc.ApplyStored(update); err != nil {
			return nil, fmt.Errorf("room: load: log record %d of %d: %w: %w", i+1, len(stored.Log), store.ErrCorrupt, err)
		}
	}
	return doc, nil
}
