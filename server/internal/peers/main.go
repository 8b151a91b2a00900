// Command peers measures the server beside @y/websocket-server and Hocuspocus:
//
//	go run ./server/internal/peers -loadgen ../shared/tools/loadgen -fixtures ../shared/fixtures
//
// Each case runs against each server in turn, a fresh process each time, so that
// what else the machine does hits all of them. It prints the tables of
// server/BENCHMARKS.md. It needs Linux, Go, Node and npm.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
)

func main() {
	loadgen := flag.String("loadgen", "", "folder of the load generator's source")
	fixtures := flag.String("fixtures", "", "folder with b4.final.v1; without it joins are left out")
	work := flag.String("work", filepath.Join(os.TempDir(), "weft-peers"), "folder for npm packages, binaries and data")
	only := flag.String("only", "", "regular expression of the cases to run")
	servers := flag.String("servers", "", "regular expression of the servers to run")
	runs := flag.Int("runs", 3, "times each case is run; the median by CPU is shown")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, *work, *loadgen, *fixtures, *only, *servers, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, work, loadgen, fixtures, only, servers string, runs int) error {
	if loadgen == "" {
		return fmt.Errorf("-loadgen is needed")
	}
	cases, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	some, err := regexp.Compile(servers)
	if err != nil {
		return err
	}
	b := &bench{work: work}
	if b.seed, err = filepath.Abs(filepath.Join(fixtures, "b4.final.v1")); err != nil {
		return err
	}
	if err := b.build(ctx, loadgen); err != nil {
		return err
	}
	for _, c := range all {
		if !cases.MatchString(c.name) || c.seed && fixtures == "" {
			continue
		}
		var rows []row
		for _, s := range b.servers() {
			if some.MatchString(s.name) && c.runsOn(s.name) {
				rows = append(rows, row{server: s})
			}
		}
		for range runs {
			for i := range rows {
				r, err := b.run(ctx, c, rows[i].server)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					fmt.Fprintf(os.Stderr, "%s on %s: %v\n", c.name, rows[i].server.name, err)
					continue
				}
				rows[i].results = append(rows[i].results, r)
			}
		}
		c.print(rows)
	}
	return nil
}

// command is a command in dir whose output goes to our standard error.
func command(ctx context.Context, dir, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Stdout, c.Stderr = dir, os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
