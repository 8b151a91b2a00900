package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// pages measures how long it takes to read pages of a room with many messages.
func pages(ctx context.Context, s *server, messages, reads int) error {
	const room = "bench/long"
	all, err := s.posters(ctx, "HTTP", 100, 1, "bench")
	if err != nil {
		return err
	}
	for _, p := range all {
		p.(*overHTTP).path = pathOf(room, "messages")
	}
	var begun atomic.Int64
	start := time.Now()
	if _, err := run(ctx, all, func() bool {
		n := begun.Add(1)
		if n%20_000 == 0 {
			fmt.Fprintf(os.Stderr, "chatbench: %d of %d messages posted\n", n, messages)
		}
		return n <= int64(messages)
	}); err != nil {
		return err
	}
	filled := time.Since(start)
	token := all[0].(*overHTTP).token
	fmt.Printf("\n### Pages of a room with %d messages\n\nPosted in %.0f s (%.0f a second, 100 clients over HTTP).\n\n", messages, filled.Seconds(), float64(messages)/filled.Seconds())
	fmt.Println("| page | p50 ms | p99 ms | messages |\n|---|---|---|---|")
	random := rand.New(rand.NewPCG(2, 2))
	anywhere := func() int { return 1 + random.IntN(messages) }
	for _, c := range []struct {
		name  string
		query func() string
	}{
		{"the newest 50", func() string { return "messages" }},
		{"the newest 200", func() string { return "messages?limit=200" }},
		{"50 before anywhere", func() string { return fmt.Sprint("messages?before=", anywhere()) }},
		{"50 after anywhere", func() string { return fmt.Sprint("messages?after=", anywhere()) }},
		{"the first 50", func() string { return "messages?after=0" }},
		{"50 changed since anywhere", func() string { return fmt.Sprint("messages?limit=50&changed=", anywhere()) }},
		{"search: the commonest word", func() string { return search(words[0] + " ") }},
		{"search: any word", func() string { return search(words[random.IntN(len(words))] + " ") }},
		{"search: the beginning of any", func() string { return search(words[random.IntN(len(words))][:2]) }},
		{"search: two words", func() string {
			return search(words[random.IntN(len(words))] + " " + words[random.IntN(len(words))] + " ")
		}},
		{"search: two words in quotes", func() string {
			return search(`"` + words[random.IntN(len(words))] + " " + words[random.IntN(len(words))] + `"`)
		}},
		{"search: no word of any", func() string { return search("nowhere ") }},
	} {
		var took []time.Duration
		found := 0
		for range reads {
			var page struct{ Messages, Results []struct{ Seq int } }
			begun := time.Now()
			if err := s.call(ctx, http.MethodGet, pathOf(room, c.query()), token, nil, &page); err != nil {
				return err
			}
			took = append(took, time.Since(begun))
			found += len(page.Messages) + len(page.Results)
		}
		slices.Sort(took)
		fmt.Printf("| %s | %.2f | %.2f | %.0f |\n", c.name, ms(quantile(took, 0.5)), ms(quantile(took, 0.99)), float64(found)/float64(reads))
	}
	return nil
}

func search(query string) string { return "search?q=" + url.QueryEscape(query) }
