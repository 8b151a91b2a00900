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
	full []byte // the full state, if it is stored as one update that is as good; else nil
	log  logSize
}

// loadBytes is how many bytes of a log are in memory at once; or as many as its
// snapshot has, if that is larger.
const loadBytes = 1 << 20

// Load reads a stored document, which is empty if nothing is stored. store.ErrCorrupt says
// that the stored data is damaged.
func Load(ctx context.Context, s store.Store, id store.RoomID) (*crdt.Doc, error) {
	l, err := load(ctx, s, id)
	return l.doc, err
}

// load reads a stored document, part by part to its end: damage anywhere is an error, and
// never a shorter document.
func load(ctx context.Context, s store.Store, id store.RoomID) (l loaded, err error) {
	doc := crdt.New(crdt.Options{})
	part, parts := store.Doc{}, 0
	for more := true; more; parts++ {
		if part, more, err = s.LoadPart(ctx, id, part.Through, loadBytes); err != nil {
			return loaded{}, fmt.Errorf("room: load: %w", err)
		}
		if err := applyStored(doc, part); err != nil {
			return loaded{}, fmt.Errorf("room: load: %w", err)
		}
		l.log.add(part)
	}
	l.doc = doc
	switch {
	case parts > 1 || !doc.AsLoaded():
	case len(part.Log) == 0:
		l.full = part.Snapshot
	case l.log.isOneUpdate():
		l.full = part.Log[0]
	}
	return l, nil
}

// newDoc returns the document of a part that is stored.
func newDoc(stored store.Doc) (*crdt.Doc, error) {
	doc := crdt.New(crdt.Options{})
	return doc, applyStored(doc, stored)
}

// applyStored applies a part of a stored document.
func applyStored(doc *crdt.Doc, part store.Doc) error {
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
