package sqlite_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"weft/server/store"
	"weft/server/store/storetest"
)

// BenchmarkAppend asks how many durable 200-byte records a second fit through
// one caller, by how many share a commit. They are spread over 10,000 rooms.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{1, 100, 1000} {
		b.Run(fmt.Sprint("batch", size), func(b *testing.B) {
			s := open(b, b.TempDir())
			r := rand.New(rand.NewPCG(1, 2))
			rooms := make([]store.RoomID, 10_000)
			all := make([]store.Update, len(rooms))
			for i := range rooms {
				rooms[i] = store.RoomID(fmt.Sprint("room/", i))
				all[i] = store.Update{Room: rooms[i], Data: []byte("first")}
			}
			must(b, s.AppendUpdates(b.Context(), all))
			data := make([]byte, 200)
			batch := make([]store.Update, size)
			b.ReportAllocs()
			for b.Loop() {
				for i := range batch {
					batch[i] = store.Update{Room: rooms[r.IntN(len(rooms))], Data: data}
				}
				must(b, s.AppendUpdates(b.Context(), batch))
			}
			b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "appends/s")
		})
	}
}

// BenchmarkLoad asks for a document of an 8 KiB snapshot and 20 records.
func BenchmarkLoad(b *testing.B) {
	s := open(b, b.TempDir())
	const rooms = 1000
	room := func(i int) store.RoomID { return store.RoomID(fmt.Sprint("room/", i)) }
	for n := range 21 {
		var batch []store.Update
		for i := range rooms {
			batch = append(batch, store.Update{Room: room(i), Data: make([]byte, 200)})
		}
		must(b, s.AppendUpdates(b.Context(), batch))
		for i := 0; n == 0 && i < rooms; i++ {
			doc, err := storetest.LoadAll(b.Context(), s, room(i))
			must(b, err)
			must(b, s.Compact(b.Context(), room(i), make([]byte, 8<<10), doc.Through))
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	b.ReportAllocs()
	for b.Loop() {
		doc, _, err := s.LoadPart(b.Context(), room(r.IntN(rooms)), 0, 1<<20)
		if err != nil || len(doc.Log) != 20 {
			b.Fatal(len(doc.Log), err)
		}
	}
}

// BenchmarkPost asks what many people chatting at once get through.
func BenchmarkPost(b *testing.B) {
	s := open(b, b.TempDir())
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		r := rand.New(rand.NewPCG(rand.Uint64(), 1))
		for pb.Next() {
			m := store.Message{ID: fmt.Sprintf("%x", r.Uint64()), Room: "room", User: store.User{ID: "ann"}, Text: "hello"}
			if _, _, err := s.PostMessage(b.Context(), m, store.WithOutbox); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}
