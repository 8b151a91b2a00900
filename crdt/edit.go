package crdt

// This file has shorthands that make one edit of a root as a transaction of its own. Each
// returns the update (V1) to send to the peers. On an error the document is unchanged.

// InsertText inserts s into a root before the UTF-16 unit at index; see [Text.Insert].
func (d *Doc) InsertText(root string, index int, s string) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Text(root).Insert(tx, index, s) })
}

// DeleteText deletes length UTF-16 units of a root, starting at index; see [Text.Delete].
func (d *Doc) DeleteText(root string, index, length int) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Text(root).Delete(tx, index, length) })
}

// InsertArray inserts values into a root before the element at index; see [Array.Insert].
func (d *Doc) InsertArray(root string, index int, values ...any) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Array(root).Insert(tx, index, values...) })
}

// DeleteArray deletes length elements of a root, starting at index; see [Array.Delete].
func (d *Doc) DeleteArray(root string, index, length int) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Array(root).Delete(tx, index, length) })
}

// SetMap sets a key of a root; see [Map.Set].
func (d *Doc) SetMap(root, key string, value any) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Map(root).Set(tx, key, value) })
}

// DeleteMap removes a key of a root; see [Map.Delete].
func (d *Doc) DeleteMap(root, key string) ([]byte, error) {
	return d.Transact(func(tx *Tx) error { return d.Map(root).Delete(tx, key) })
}
