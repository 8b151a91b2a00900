package presence

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// BenchmarkConnections joins, touches and closes b.N connections, each of another
// person. Bytes are live heap, without the strings, which the caller of Join has
// anyway. Run it with -benchtime 100000x.
func BenchmarkConnections(b *testing.B) {
	for _, c := range []struct {
		name string
		size func(n int) int // people in a room
	}{
		{"alone", func(int) int { return 1 }},
		{"rooms of ten", func(int) int { return 10 }},
		{"one room", func(n int) int { return n }},
	} {
		b.Run(c.name, func(b *testing.B) {
			now := time.Now()
			members, diffs := make([]Member, b.N), make([]Diff, b.N)
			for i := range members {
				m := Member{
					Room: fmt.Sprintf("docs/%d", i/c.size(b.N)), Conn: fmt.Sprintf("ABCDEFGHIJKLMNOPQR%08d", i),
					User: fmt.Sprintf("user-%07d", i), Name: fmt.Sprintf("Name %d", i),
				}
				members[i] = m
				diffs[i] = Diff{Room: m.Room, Joins: []Person{{ID: m.User, Name: m.Name, Status: Online, Devices: 1, Since: now}}}
			}
			each := func(unit string, f func(i int)) {
				begun := time.Now()
				for i := range b.N {
					f(i)
				}
				b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), unit)
			}
			empty := liveBytes()
			s := newState(Grace, IdleAfter, AwayAfter)
			each("joins/s", func(i int) { s.join(members[i], now) })
			joined := liveBytes()
			crowd := NewCrowdFilter(200, func(Diff) {})
			each("takes/s", func(i int) { crowd.Push(diffs[i]) })
			taken := liveBytes()
			each("touches/s", func(i int) { s.touch(members[i].Room, members[i].Conn, now) })
			each("leaves/s", func(i int) { s.leave(members[i].Room, members[i].Conn, now) })
			b.ReportMetric((joined-empty)/float64(b.N), "B/conn")
			b.ReportMetric((taken-joined)/float64(b.N), "crowd-B/conn")
			b.ReportMetric(0, "ns/op")
			runtime.KeepAlive(crowd)
			runtime.KeepAlive(diffs)
		})
	}
}

func liveBytes() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}
