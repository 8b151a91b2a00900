package crdt

import (
	"iter"

	"weft/crdt/lib0"
)

// Map is a view of a type as a map from string keys to values (Yjs: Y.Map). If two clients
// set one key concurrently, one value wins, the same on all replicas. Values are those that
// [Array] holds. The empty string is a valid key.
//
// If a text or an XML element is viewed as a map, its attributes are the keys.
type Map struct{ Type }

// Set sets key to value. It writes a new item even if the value is the same as before.
// Errors: ErrUTF8, ErrValue and lib0.ErrDepth for a key or value that cannot be stored;
// ErrTooLarge; and the errors of every edit: ErrClosed, ErrGone.
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

// Delete removes key. It does nothing if key is not set. Errors: those of every edit,
// ErrClosed and ErrGone.
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

// Get returns the value of key, and false if key is not set.
func (m Map) Get(key string) (any, bool) {
	r := m.live(key)
	if r == 0 {
		return nil, false
	}
	return m.doc.store.lastValue(m.doc, r), true
}

// Has reports whether key is set.
func (m Map) Has(key string) bool { return m.live(key) != 0 }

// Len returns the number of keys. (Length counts the visible units of the type's list,
// which is empty in a map.)
func (m Map) Len() int { return len(m.doc.store.liveEntries(m.ref())) }

// Keys returns all keys, sorted bytewise.
func (m Map) Keys() []string {
	s := &m.doc.store
	entries := s.liveEntries(m.ref())
	keys := make([]string, len(entries))
	for i := range entries {
		keys[i] = s.names.list[entries[i].key]
	}
	return keys
}

// All yields all keys with their values, sorted bytewise by key. The document must not
// change during the iteration.
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

// MarshalJSON returns the map as Yjs's toJSON does, but with sorted keys; see [Doc.JSON]
// for values that JSON cannot represent. Errors: ErrTooDeep.
func (m Map) MarshalJSON() ([]byte, error) {
	return m.doc.store.appendObject(nil, m.ref(), MaxExportDepth)
}

// String returns the map as JSON, or the text of the error. It is for logs and tests.
func (m Map) String() string { return jsonStringOf(m) }

// live returns the item that holds the value of key, 0 if key is not set.
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
