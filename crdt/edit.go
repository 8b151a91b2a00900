package crdt

// Shorthands: one edit of a root, as a transaction of its own. Each returns the update
// to send to the others; on an error the document is as it was.

// InsertText inserts s into a root before its index-th UTF-16 unit; see [Text.Insert].
func (d *Doc) InsertText(root string, index int, s string) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Text(root).Insert(tx, index, s) })
}

// DeleteText deletes length UTF-16 units of a root from index on; see [Text.Delete].
func (d *Doc) DeleteText(root string, index, length int) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Text(root).Delete(tx, index, length) })
}

// InsertArray inserts values into a root before its index-th element; see
// [Array.Insert].
func (d *Doc) InsertArray(root string, index int, values ...any) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Array(root).Insert(tx, index, values...) })
}

// DeleteArray deletes length elements of a root from index on; see [Array.Delete].
func (d *Doc) DeleteArray(root string, index, length int) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Array(root).Delete(tx, index, length) })
}

// SetMap sets a key of a root; see [Map.Set].
func (d *Doc) SetMap(root, key string, value any) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Map(root).Set(tx, key, value) })
}

// DeleteMap takes a key of a root away, if it is there; see [Map.Delete].
func (d *Doc) DeleteMap(root, key string) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Map(root).Delete(tx, key) })
}
