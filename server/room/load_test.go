package room

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"weft/server/store"
)

// compactsMeanwhile compacts more than the first part of a room's log before the second part
// is loaded.
type compactsMeanwhile struct{ *parts }

func (f compactsMeanwhile) LoadPart(ctx context.Context, id store.RoomID, after store.LogID, most int) (store.Doc, bool, error) {
	for after > 0 && len(f.compacted) < 2 {
		if _, err := Compact(ctx, f.parts, id); err != nil {
			return store.Doc{}, false, err
		}
	}
	return f.parts.LoadPart(ctx, id, after, most)
}

// TestLoadInParts: however long a log is, a load holds a part of it that is bounded by
// loadBytes and the snapshot. It misses no update, also if the log is compacted meanwhile.
func TestLoadInParts(t *testing.T) {
	const n, size = 100, 64 << 10
	for name, grows := range map[string]bool{"a document that stays small": false, "one that grows": true} {
		t.Run(name, func(t *testing.T) {
			p := &parts{Store: openStore(t, t.TempDir())}
			defer p.Close()
			author := p.log(t, "r", n, size, grows)
			for compactions, s := range []store.Store{p, compactsMeanwhile{p}} {
				p.loads = 0
				l, err := load(t.Context(), s, "r")
				if err != nil {
					t.Fatal(err)
				}
				if string(l.doc.EncodeStateAsUpdate(nil)) != string(author.EncodeStateAsUpdate(nil)) || l.full != nil {
					t.Errorf("the document is not its author's, or is kept as one update of %d bytes", len(l.full))
				}
				if records, bytes := p.want(t, "r", author); records != l.log.records || bytes != l.log.bytes {
					t.Errorf("%d records of %d bytes are stored, load counted %+v", records, bytes, l.log)
				}
				if p.loads < 5 || p.beyond > loadBytes || (l.log.snapshot > 0) != (compactions > 0) {
					t.Errorf("%d parts were loaded, of one the log was %d bytes larger than the snapshot, %+v", p.loads, p.beyond, l.log)
				}
			}
			p.fail, p.loads = store.ErrCorrupt, 0
			if _, err := load(t.Context(), p, "r"); !errors.Is(err, store.ErrCorrupt) || p.loads < 2 {
				t.Errorf("%d parts, the second damaged: %v", p.loads, err)
			}
		})
	}
}

// TestStoredStateIsTheWholeDocument: the bytes that are kept for the first answer are the
// whole document, also if an empty update was stored before them.
func TestStoredStateIsTheWholeDocument(t *testing.T) {
	whole := insert(t, 1, strings.Repeat("whole ", 100))
	empty := []byte{0, 0}
	for name, c := range map[string]struct {
		stored store.Doc
		full   bool
	}{
		"nothing":            {store.Doc{}, false},
		"one record":         {store.Doc{Log: [][]byte{whole}}, true},
		"a snapshot":         {store.Doc{Snapshot: whole}, true},
		"after an empty one": {store.Doc{Log: [][]byte{empty, whole}}, false},
		"before it":          {store.Doc{Log: [][]byte{whole, empty}}, false},
		"an empty snapshot":  {store.Doc{Snapshot: empty, Log: [][]byte{whole}}, false},
	} {
		l, err := load(t.Context(), holding{doc: c.stored}, "r")
		if err != nil || (l.full != nil) != c.full || l.full != nil && !bytes.Equal(l.full, whole) {
			t.Errorf("%s: the full state is kept as %d bytes, %v", name, len(l.full), err)
		}
	}
}
