package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
)

// On a full disk, writes that do not fit are refused and stored data stays readable. Writes
// succeed again once the disk has free space.
func TestFullDiskRefusesWritesUntilThereIsSpace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := open(t, dir)
	appendTo(t, s, "room", "1", "2")
	pages, err := s.Int("PRAGMA page_count")
	must(t, err)
	must(t, s.Exec(fmt.Sprint("PRAGMA max_page_count = ", pages+20)))

	large := store.Update{Room: "room", Data: []byte(strings.Repeat("x", 1<<20))}
	small := store.Update{Room: "room", Data: []byte("3")}
	for range 3 {
		if err := s.AppendUpdates(t.Context(), []store.Update{small, {Room: "new", Data: []byte("x")}, large}); err == nil {
			t.Fatal("a write of 1 MiB succeeded with 80 KiB of free space")
		}
		wantText(t, s, "room", "12")
		wantText(t, s, "new", "")
	}
	if err := s.Compact(t.Context(), "room", large.Data, 2); err == nil {
		t.Fatal("a write of 1 MiB succeeded with 80 KiB of free space")
	}
	wantText(t, s, "room", "12")

	// A write that fits is stored, also if it shares a commit with one that does not.
	var g errgroup.Group
	for i := range 32 {
		g.Go(func() error {
			if i%2 == 0 {
				if err := s.AppendUpdates(t.Context(), []store.Update{large}); err == nil {
					return fmt.Errorf("a write of 1 MiB succeeded with 80 KiB of free space")
				}
				return nil
			}
			return s.AppendUpdates(t.Context(), []store.Update{small})
		})
	}
	must(t, g.Wait())
	want := "12" + strings.Repeat("3", 16)
	wantText(t, s, "room", want)

	must(t, s.Exec("PRAGMA max_page_count = 1000000"))
	must(t, s.AppendUpdates(t.Context(), []store.Update{large, {Room: "room", Data: []byte("4")}}))
	want += string(large.Data) + "4"
	wantText(t, s, "room", want)
	must(t, s.Close())
	s = open(t, dir)
	wantText(t, s, "room", want)
	wantText(t, s, "new", "")
}
