package redis_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"weft/presence"
	"weft/presence/redis"
)

// info returns a number from a section of Redis' INFO.
func (s *server) info(section, name string) float64 {
	text := s.direct.Info(context.Background(), section).Val()
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+":"); ok {
			f, _ := strconv.ParseFloat(value, 64)
			return f
		}
	}
	s.t.Fatalf("INFO has no %s", name)
	return 0
}

// cpu returns the CPU time that Redis has used, in seconds.
func (s *server) cpu() float64 { return s.info("cpu", "used_cpu_user") + s.info("cpu", "used_cpu_sys") }

// BenchmarkEntries joins b.N connections, each of another person, in rooms of ten.
// Then their node crashes and another one reaps it. Run it with -benchtime 100000x.
func BenchmarkEntries(b *testing.B) {
	s := startServer(b)
	o := redis.Options{URL: s.URL, Lease: 5 * time.Second, Timeout: 10 * time.Second}
	n, err := redis.New(o)
	if err != nil {
		b.Fatal(err)
	}
	crash := n.Crash
	memory, cpu := s.info("memory", "used_memory"), s.cpu()
	var group sync.WaitGroup
	const callers = 200
	b.ResetTimer()
	begun := time.Now()
	for caller := range callers {
		group.Go(func() {
			for i := caller; i < b.N; i += callers {
				m := presence.Member{
					Room: fmt.Sprintf("docs/%d", i/10), Conn: fmt.Sprintf("ABCDEFGHIJKLMNOPQR%08d", i),
					User: fmt.Sprintf("user-%07d", i), Name: fmt.Sprintf("Name %d", i),
				}
				if _, err := n.Join(context.Background(), m); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	eventually(b, "everything is written", func() bool { return n.QueueIsEmpty() })
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "joins/s")
	b.ReportMetric((s.cpu()-cpu)/float64(b.N)*1e6, "redis-µs/join")
	b.ReportMetric((s.info("memory", "used_memory")-memory)/float64(b.N), "redis-bytes/entry")
	b.StopTimer()

	crash()
	other, err := redis.New(o)
	if err != nil {
		b.Fatal(err)
	}
	defer other.Close()
	// The lease must expire first; only the reaping is measured.
	eventually(b, "a node reaps", func() bool { return s.direct.Exists(context.Background(), s.claims(b)...).Val() > 0 })
	cpu, begun = s.cpu(), time.Now()
	for s.direct.HLen(context.Background(), "weft:{n}:nodes").Val() > 1 { // longer than eventually may wait
		letTimePass(pollInterval)
	}
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "reaped/s")
	b.ReportMetric((s.cpu()-cpu)/float64(b.N)*1e6, "redis-µs/reaped")
}

// claims returns the keys that exist while a node is being reaped.
func (s *server) claims(b *testing.B) (claims []string) {
	for node := range s.direct.HGetAll(context.Background(), "weft:{n}:nodes").Val() {
		claims = append(claims, "weft:{n}:reap:"+node)
	}
	if len(claims) < 2 {
		b.Fatal("the crashed node is not in Redis")
	}
	return claims
}
