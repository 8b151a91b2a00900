package room

import (
	"context"
	"fmt"

	"weft/crdt"
	"weft/server/store"
)

// loaded is a document as it was stored.
type loaded struct {
	doc  *crdt.Doc
	full []byte // the full state if it is stored just like that, else nil
	log  length
}

// load reads the stored document. Nothing is served before it has returned.
func load(ctx context.Context, s store.Store, id store.RoomID) (loaded, error) {
	stored, err := s.LoadDoc(ctx, id)
	if err != nil {
		return loaded{}, fmt.Errorf("room: load: %w", err)
	}
	doc, err := open(stored)
	if err != nil {
		return loaded{}, err
	}
	l := loaded{doc: doc, log: lengthOf(stored)}
	switch {
	case !doc.AsLoaded():
	case len(stored.Log) == 0:
		l.full = stored.Snapshot
	case l.log.single():
		l.full = stored.Log[0]
	}
	return l, nil
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
