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

// info reads a number out of Redis' INFO.
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

func (s *server) cpu() float64 { return s.info("cpu", "used_cpu_user") + s.info("cpu", "used_cpu_sys") }

// BenchmarkEntries joins b.N connections, each a person of their own, in rooms of
// ten, and then lets their node crash and another reap it.
// Run it with -benchtime 100000x.
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
	eventually(b, "all is written", func() bool { return n.QueueIsEmpty() })
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
	// The lease runs out first: of the wait only the reaping is counted.
	for s.direct.Exists(context.Background(), s.claims(b)...).Val() == 0 {
		wait(5 * time.Millisecond)
	}
	cpu, begun = s.cpu(), time.Now()
	for s.direct.HLen(context.Background(), "weft:{n}:nodes").Val() > 1 {
		wait(20 * time.Millisecond)
	}
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "reaped/s")
	b.ReportMetric((s.cpu()-cpu)/float64(b.N)*1e6, "redis-µs/reaped")
}

// claims are the keys that tell that a node is being reaped.
func (s *server) claims(b *testing.B) (claims []string) {
	for node := range s.direct.HGetAll(context.Background(), "weft:{n}:nodes").Val() {
		claims = append(claims, "weft:{n}:reap:"+node)
	}
	if len(claims) < 2 {
		b.Fatal("the crashed node is not in Redis")
	}
	return claims
}
