package crdt

import (
	"iter"

	"weft/crdt/lib0"
)

// Map is a view of a type as a map from string keys to values. Of two people who set
// one key at the same time, one wins, everywhere the same. Values are what [Array]
// holds. The empty string is a key like any other.
//
// Read as a map, a text or an XML element is its attributes.
type Map struct{ Type }

// Set sets key to value. Errors: ErrUTF8, ErrValue and lib0.ErrDepth for what cannot be
// stored, ErrTooLarge, and those of every edit: ErrClosed, ErrGone.
func (m Map) Set(tx *Tx, key string, value any) error {
	w, err := tx.edit(m.Type)
	if err != nil {
		return err
	}
	cs, err := keyContents(map[string]any{key: value}, lib0.MaxDepth)
	if err != nil {
		return err
	}
	if err := w.checkSize(cs[0].content); err != nil {
		return err
	}
	w.setKey(key, &cs[0].content)
	return nil
}

// Delete takes key away, if it is there.
func (m Map) Delete(tx *Tx, key string) error {
	w, err := tx.edit(m.Type)
	if err != nil {
		return err
	}
	if r := m.live(key); r != 0 {
		w.tx.delete(r)
	}
	return nil
}

// Get is the value of key; false if it is not set.
func (m Map) Get(key string) (any, bool) {
	r := m.live(key)
	if r == 0 {
		return nil, false
	}
	return m.doc.store.lastValue(m.doc, r), true
}

// Has tells whether key is set.
func (m Map) Has(key string) bool { return m.live(key) != 0 }

// Len is the number of keys. (Length counts the units of the list, of which a map has
// none.)
func (m Map) Len() int { return len(m.doc.store.liveEntries(m.ref())) }

// Keys is all keys, sorted by their bytes.
func (m Map) Keys() []string {
	s := &m.doc.store
	entries := s.liveEntries(m.ref())
	keys := make([]string, len(entries))
	for i := range entries {
		keys[i] = s.names.list[entries[i].key]
	}
	return keys
}

// All yields all keys with their values, sorted by key. The map must not change
// meanwhile.
func (m Map) All() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		s := &m.doc.store
		for _, e := range s.liveEntries(m.ref()) {
			if !yield(s.names.list[e.key], s.lastValue(m.doc, e.last)) {
				return
			}
		}
	}
}

// MarshalJSON writes the map as Yjs's toJSON has it, keys sorted; see [Doc.JSON] for
// what JSON has no form for. Errors: ErrTooDeep.
func (m Map) MarshalJSON() ([]byte, error) {
	return m.doc.store.appendObject(nil, m.ref(), MaxExportDepth)
}

// String is MarshalJSON, for people.
func (m Map) String() string { return jsonStringOf(m) }

// live is the item that holds the value of key, 0 if it is not set.
func (m Map) live(key string) ref {
	s := &m.doc.store
	t, k := m.ref(), s.names.lookup(key)
	if t == 0 || k == 0 {
		return 0
	}
	if r := s.last(t, k); r != 0 && !s.deleted(r) {
		return r
	}
	return 0
}
