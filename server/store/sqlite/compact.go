package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"weft/server/store"
)

// maxTail is how many bytes a tail may have, unless a snapshot has more. For a longer
// one, compaction keeps neither tail nor older snapshot: nothing can replace the newest
// snapshot then if it is damaged.
const maxTail = 32 << 20

// Compact implements store.Store.
func (s *Store) Compact(ctx context.Context, room store.RoomID, snapshot []byte, through store.LogID) error {
	if len(snapshot) == 0 {
		return fail("compact", errors.New("the snapshot is empty"))
	}
	return fail("compact", s.write(ctx, func(t *tx) error {
		return t.compact(room, snapshot, through)
	}))
}

// compact replaces the log of a room by a snapshot; see doc.go.
func (t *tx) compact(room store.RoomID, data []byte, through store.LogID) error {
	var doc docID
	if found, err := t.row(selectDoc, []any{room}, &doc); err != nil {
		return err
	} else if !found {
		return fmt.Errorf("record %d does not belong to the room: it has no document", through)
	}
	old, err := newestSnapshot(t.query, doc, headerOnly)
	if err != nil {
		return err
	}
	if through < old.through {
		return nil // the newest snapshot holds these records already
	}
	ids, err := t.recordsBetween(room, old.through, through)
	if err != nil {
		return err
	}
	bytes, err := t.bytesOf(ids)
	if err != nil {
		return err
	}

	// An intact newest snapshot becomes the older one, with a new tail. If there is
	// none, if it is damaged, or if the same records are compacted once more, then the
	// older snapshot and its tail stay and are extended.
	since, tail := old.since, []byte(nil)
	if old.isIntact && len(ids) > 0 {
		since = old.through
	} else if tail, err = readTail(t.query, doc); err != nil {
		return err
	}
	tail, isKept, err := t.extendTail(tail, ids, bytes, max(maxTail, old.size, len(data)))
	if err != nil {
		return err
	}
	if !isKept || (old.through != 0 && since == old.through && !old.isIntact) {
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

// recordsBetween returns the ids of the room's records in (since, through].
func (t *tx) recordsBetween(room store.RoomID, since, through store.LogID) ([]store.LogID, error) {
	if through == since && since != 0 {
		return nil, nil
	}
	ids := t.index.view(room).ids // stays as it is: only this goroutine changes the index
	end, found := slices.BinarySearch(ids, through)
	if !found {
		return nil, fmt.Errorf("record %d does not belong to the room", through)
	}
	// The index does not know of a compaction earlier in this transaction yet.
	begin, _ := slices.BinarySearch(ids, since+1)
	return ids[begin : end+1], nil
}

// bytesOf returns how many bytes of data the records have.
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

// extendTail adds records, which have that many bytes of data, to a tail. isKept is
// false if the tail would have more than maxBytes or if a record is damaged. The
// compaction goes on without a tail then: it is what repairs such a document.
func (t *tx) extendTail(tail []byte, ids []store.LogID, bytes, maxBytes int) (longer []byte, isKept bool, err error) {
	more := tailHeader*len(ids) + bytes
	if len(tail)+more > maxBytes {
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
