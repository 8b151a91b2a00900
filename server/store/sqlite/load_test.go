package sqlite_test

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/store/storetest"
)

// TestLoadsAtOnce promises: many documents can be loaded at once however few connections
// read, also after loads that were cancelled half-way, and while logs are compacted.
func TestLoadsAtOnce(t *testing.T) {
	t.Parallel()
	for _, readers := range []int{1, 2, 8} {
		s, err := sqlite.Open(filepath.Join(t.TempDir(), "weft.db"), sqlite.Options{Readers: readers})
		must(t, err)
		t.Cleanup(func() { must(t, s.Close()) })
		rooms := []store.RoomID{"a", "b", "c", "d", "e", "f"}
		record := strings.Repeat("record ", 5000)
		for _, room := range rooms {
			appendTo(t, s, room, record, record)
		}
		var wg sync.WaitGroup
		for _, room := range rooms {
			for range 3 {
				wg.Go(func() {
					for range 5 {
						doc, err := storetest.LoadAll(t.Context(), s, room)
						if err != nil {
							t.Error(err)
							return
						}
						if got := len(doc.Snapshot)/len(record) + len(doc.Log); got != 2 {
							t.Errorf("%s: %d records", room, got)
						}
						ctx, cancel := context.WithCancel(t.Context())
						go cancel()
						_, _ = storetest.LoadAll(ctx, s, room) // it may be quicker
					}
				})
			}
			wg.Go(func() {
				doc, err := storetest.LoadAll(t.Context(), s, room)
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Compact(t.Context(), room, []byte(record+record), doc.Through); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}
