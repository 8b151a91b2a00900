package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"weft/server/store"
)

// maxTail is the largest tail worth keeping, if the snapshots are not larger
// still, as LoadPart allows. Beyond it a fold keeps neither tail nor older
// snapshot, and nothing stands in for a newest one that goes bad.
const maxTail = 32 << 20

// Compact implements store.Store.
func (s *Store) Compact(ctx context.Context, room store.RoomID, snapshot []byte, through store.LogID) error {
	if len(snapshot) == 0 {
		return fail("fold", errors.New("the snapshot is empty"))
	}
	return fail("fold", s.write(ctx, func(t *tx) error {
		return t.fold(room, snapshot, through)
	}))
}

func (t *tx) fold(room store.RoomID, data []byte, through store.LogID) error {
	var doc docID
	if found, err := t.row(selectDoc, []any{room}, &doc); err != nil {
		return err
	} else if !found {
		return fmt.Errorf("record %d is not the room's: it has none", through)
	}
	old, err := newestSnapshot(t.query, doc, aboutIt)
	if err != nil {
		return err
	}
	if through < old.through {
		return nil // a newer snapshot holds it already
	}
	ids, err := t.unfolded(room, old.through, through)
	if err != nil {
		return err
	}
	bytes, err := t.bytesOf(ids)
	if err != nil {
		return err
	}

	// A sound snapshot becomes the older one, and the tail begins anew. If
	// there is none, it is damaged, or the same records are folded once more,
	// then what stood behind it stands behind the new one too.
	since, tail := old.since, []byte(nil)
	if old.sound && len(ids) > 0 {
		since = old.through
	} else if tail, err = readTail(t.query, doc); err != nil {
		return err
	}
	tail, kept, err := t.lengthen(tail, ids, bytes, max(maxTail, old.size, len(data)))
	if err != nil {
		return err
	}
	if !kept || (old.through != 0 && since == old.through && !old.sound) {
		since, tail = through, nil
	}

	for _, step := range []struct {
		query string
		args  []any
	}{
		{"INSERT OR REPLACE INTO snap (doc, through, since, crc, data) VALUES (?, ?, ?, ?, ?)",
			[]any{doc, through, since, checksum(ofSnapshot, doc, since, through, data), data}},
		{"DELETE FROM snap WHERE doc = ? AND through NOT IN (?, ?)", []any{doc, through, since}},
		{"DELETE FROM tail WHERE doc = ?", []any{doc}},
	} {
		if _, err := t.exec(step.query, step.args...); err != nil {
			return err
		}
	}
	if len(tail) > 0 {
		if _, err := t.exec("INSERT INTO tail (doc, data) VALUES (?, ?)", doc, tail); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(ids, idsPerQuery) {
		if _, err := t.exec("DELETE FROM log WHERE id IN (SELECT value FROM json_each(?))", idList(chunk)); err != nil {
			return err
		}
	}
	t.after = append(t.after, func() { t.index.drop(room, through, bytes) })
	return nil
}

// unfolded returns the room's records in (since, through].
func (t *tx) unfolded(room store.RoomID, since, through store.LogID) ([]store.LogID, error) {
	if through == since && since != 0 {
		return nil, nil
	}
	ids := t.index.cut(room).ids // only this goroutine changes the index
	end, found := slices.BinarySearch(ids, through)
	if !found {
		return nil, fmt.Errorf("record %d is not the room's", through)
	}
	// A fold earlier in this transaction is not in the index yet.
	begin, _ := slices.BinarySearch(ids, since+1)
	return ids[begin : end+1], nil
}

// bytesOf is what the records' data takes.
func (t *tx) bytesOf(ids []store.LogID) (bytes int, err error) {
	for chunk := range slices.Chunk(ids, idsPerQuery) {
		n := 0
		if _, err := t.row("SELECT coalesce(sum(length(data)), 0) FROM log WHERE id IN (SELECT value FROM json_each(?))", []any{idList(chunk)}, &n); err != nil {
			return 0, err
		}
		bytes += n
	}
	return bytes, nil
}

// lengthen adds the records, of so many bytes, to the tail. kept is false if it
// would be longer than most or a record cannot be read: the fold goes on without
// a tail then, since it is the fold that heals such a document.
func (t *tx) lengthen(tail []byte, ids []store.LogID, bytes, most int) (longer []byte, kept bool, err error) {
	more := tailHeader*len(ids) + bytes
	if len(tail)+more > most {
		return nil, false, nil
	}
	tail = slices.Grow(tail, more)
	err = eachRecord(t.query, ids, func(r record) error {
		tail = appendTail(tail, r)
		return nil
	})
	if errors.Is(err, store.ErrCorrupt) {
		return nil, false, nil
	}
	return tail, err == nil, err
}
