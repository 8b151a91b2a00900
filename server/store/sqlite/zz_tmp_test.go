package sqlite_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"weft/server/store"
	"weft/server/store/sqlite"
)

func TestTmpFlip(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "weft.db")
	s := open(t, dir)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 2))
	want := map[store.RoomID]string{}
	for i := range 20 {
		room := store.RoomID(fmt.Sprint("room ", i))
		for n := range 20 {
			data := make([]byte, 20+r.IntN(100))
			for j := range data {
				data[j] = byte(r.Uint32())
			}
			appendTo(t, s, room, string(data))
			want[room] += string(data)
			if i%2 == 0 && (n == 2 || n == 10) {
				fold(t, s, room)
			}
		}
	}
	must(t, s.Close())
	whole, err := os.ReadFile(path)
	must(t, err)
	var refused, corrupt, fine, silent, other int
	for range 3000 {
		damaged := slices.Clone(whole)
		at := r.IntN(len(whole))
		damaged[at] ^= 1 << r.IntN(8)
		must(t, os.WriteFile(path, damaged, 0o600))
		s, err := sqlite.Open(path, sqlite.Options{})
		if err != nil {
			refused++
			continue
		}
		bad := false
		for room, want := range want {
			got, err := text(t, s, room)
			if err != nil {
				bad = true
				if !errors.Is(err, store.ErrCorrupt) {
					other++
					t.Log(at, err)
				}
			} else if got != want {
				silent++
				t.Logf("silent at page %d offset %d: %s got %d of %d", at/4096+1, at%4096, room, len(got), len(want))
			}
		}
		if bad {
			corrupt++
		} else {
			fine++
		}
		s.Close()
	}
	t.Log("refused", refused, "corrupt", corrupt, "fine", fine, "silent rooms", silent, "other errors", other, "size", len(whole))
}

func TestTmpBig(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		var b []store.Update
		for range 1000 {
			b = append(b, store.Update{Room: store.RoomID(fmt.Sprint(r.IntN(10000))), Data: make([]byte, 200)})
		}
		must(t, s.AppendUpdates(t.Context(), b))
	}
	must(t, s.Close())
	a := time.Now()
	s = open(t, dir)
	t.Log("open 500k rows", time.Since(a))
	b := make([]store.Update, 5000)
	for i := range b {
		b[i] = store.Update{Room: "big", Data: make([]byte, 100)}
	}
	must(t, s.AppendUpdates(t.Context(), b))
	a = time.Now()
	doc, err := s.LoadDoc(t.Context(), "big")
	must(t, err)
	t.Log("load 5000 rows", time.Since(a))
	a = time.Now()
	must(t, s.FoldDoc(t.Context(), "big", make([]byte, 1<<20), doc.Through))
	t.Log("fold 5000 rows", time.Since(a))
	doc, err = s.LoadDoc(t.Context(), "77")
	must(t, err)
	a = time.Now()
	must(t, s.FoldDoc(t.Context(), "77", make([]byte, 1<<14), doc.Through))
	t.Log("fold", len(doc.Log), "scattered rows", time.Since(a))
}
