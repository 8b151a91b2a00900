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

// logBytes is how much of a log is in memory at once, or as much as its snapshot has.
const logBytes = 1 << 20

// Load reads a stored document, which is empty if nothing is stored.
func Load(ctx context.Context, s store.Store, id store.RoomID) (*crdt.Doc, error) {
	l, err := load(ctx, s, id)
	return l.doc, err
}

// load reads the stored document. Nothing is served before it has returned.
func load(ctx context.Context, s store.Store, id store.RoomID) (l loaded, err error) {
	doc := crdt.New(crdt.Options{})
	part, parts := store.Doc{}, 0
	for more := true; more; parts++ {
		if part, more, err = s.LoadPart(ctx, id, part.Through, logBytes); err != nil {
			return loaded{}, fmt.Errorf("room: load: %w", err)
		}
		if err := apply(doc, part); err != nil {
			return loaded{}, fmt.Errorf("room: load: %w", err)
		}
		l.log.add(part)
	}
	l.doc = doc
	switch {
	case parts > 1 || !doc.AsLoaded():
	case len(part.Log) == 0:
		l.full = part.Snapshot
	case l.log.single():
		l.full = part.Log[0]
	}
	return l, nil
}

// open makes a document of what is stored of it.
func open(stored store.Doc) (*crdt.Doc, error) {
	doc := crdt.New(crdt.Options{})
	return doc, apply(doc, stored)
}

// apply brings a part of what is stored.
func apply(doc *crdt.Doc, part store.Doc) error {
	if part.Snapshot != nil {
		if _, err := doc.ApplyStored(part.Snapshot); err != nil {
			return fmt.Errorf("snapshot: %w: %w", store.ErrCorrupt, err)
		}
	}
	for i, update := range part.Log {
		if _, err := doc.ApplyStored(update); err != nil {
			return fmt.Errorf("log record %d of %d through %d: %w: %w", i+1, len(part.Log), part.Through, store.ErrCorrupt, err)
		}
	}
	return nil
}
