package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is how many clients post concurrently, in how many rooms, through which door.
type load struct {
	door           string
	clients, rooms int
}

var loads = []load{
	{"socket", 1, 1}, {"socket", 30, 1}, {"socket", 200, 1}, {"socket", 200, 50},
	{"HTTP", 1, 1}, {"HTTP", 30, 1}, {"HTTP", 200, 1}, {"HTTP", 200, 50},
}

// posts measures how many posts per second are acknowledged. Each client sends its next
// post when the previous one is acknowledged.
func posts(ctx context.Context, s *server, length time.Duration) error {
	fmt.Printf("\n### Posts acknowledged, all on disk\n\n`go run ./server/internal/chatbench -for %s`\n\n", length)
	fmt.Println("| door | clients | rooms | posts/s | p50 ms | p99 ms | server CPU ms a post |\n|---|---|---|---|---|---|---|")
	for n, l := range loads {
		all, err := s.posters(ctx, l.door, l.clients, l.rooms, fmt.Sprint("bench/", n))
		if err != nil {
			return err
		}
		before, begun := s.cpu(), time.Now()
		took, err := run(ctx, all, func() bool { return time.Since(begun) < length })
		if err != nil {
			return fmt.Errorf("%s, %d clients: %w", l.door, l.clients, err)
		}
		wall, used := time.Since(begun), s.cpu()-before
		for _, p := range all {
			p.close()
		}
		fmt.Printf("| %s | %d | %d | %.0f | %.1f | %.1f | %.2f |\n", l.door, l.clients, l.rooms,
			float64(len(took))/wall.Seconds(), ms(quantile(took, 0.5)), ms(quantile(took, 0.99)), ms(used)/float64(max(len(took), 1)))
	}
	return nil
}

func (s *server) posters(ctx context.Context, door string, clients, rooms int, prefix string) (all []poster, err error) {
	for n := range clients {
		room := fmt.Sprint(prefix, "/", n%rooms)
		token, err := s.guest(ctx, fmt.Sprint("Client ", n))
		if err != nil {
			return nil, err
		}
		if door == "HTTP" {
			all = append(all, &overHTTP{s, pathOf(room, "messages"), token})
			continue
		}
		o, err := s.dial(ctx, token, room)
		if err != nil {
			return nil, err
		}
		all = append(all, o)
	}
	return all, nil
}

// run lets all clients post while more returns true. It returns how long each post took,
// sorted.
func run(ctx context.Context, all []poster, more func() bool) (took []time.Duration, err error) {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for n, p := range all {
		g.Go(func() error {
			var own []time.Duration
			random := rand.New(rand.NewPCG(1, uint64(n)))
			for more() {
				text, begun := sentence(random), time.Now()
				if err := p.post(ctx, text); err != nil {
					return err
				}
				own = append(own, time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, own...)
			return nil
		})
	}
	err = g.Wait()
	slices.Sort(took)
	return took, err
}

// words are 5,000 random words; the first are used most, as in natural languages.
var words = func() (list []string) {
	random := rand.New(rand.NewPCG(1, 1))
	for range 5000 {
		var w strings.Builder
		for range 1 + random.IntN(4) {
			w.WriteByte("bcdfghklmnprstvw"[random.IntN(16)])
			w.WriteByte("aeiou"[random.IntN(5)])
		}
		list = append(list, w.String())
	}
	return list
}()

// sentence returns a typical message of about a dozen words.
func sentence(random *rand.Rand) string {
	var text []string
	for range 3 + random.IntN(20) {
		text = append(text, words[int(float64(len(words))*random.Float64()*random.Float64()*random.Float64())])
	}
	return strings.Join(text, " ")
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
