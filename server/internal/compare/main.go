// Command compare measures the server beside @y/websocket-server and Hocuspocus:
//
//	go run ./server/internal/compare -loadgen LOADGEN -fixtures FIXTURES
//
// Each case runs against each server in turn, a fresh process each time, so that other
// load on the machine affects all of them. It prints the tables of server/BENCHMARKS.md.
// It needs Linux, Go, Node and npm. With -baseline it also measures another build of the
// server, for a comparison before and after a change.
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
	work := flag.String("work", filepath.Join(os.TempDir(), "weft-compare"), "folder for npm packages, binaries and data")
	only := flag.String("only", "", "regular expression of the cases to run")
	servers := flag.String("servers", "", "regular expression of the servers to run")
	baseline := flag.String("baseline", "", "another build of the weft program to measure beside this one")
	runs := flag.Int("runs", 3, "times each case is run; the median by CPU is shown")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, options{*work, *loadgen, *fixtures, *only, *servers, *baseline, *runs}); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// options are the values of the flags.
type options struct {
	work, loadgen, fixtures string // folders
	only, servers           string // regular expressions
	baseline                string // a program; empty: none
	runs                    int
}

// measure runs the cases and prints a table for each.
func measure(ctx context.Context, o options) error {
	if o.loadgen == "" {
		return fmt.Errorf("-loadgen is required")
	}
	cases, err := regexp.Compile(o.only)
	if err != nil {
		return err
	}
	some, err := regexp.Compile(o.servers)
	if err != nil {
		return err
	}
	b := &bench{work: o.work}
	if o.baseline != "" {
		if b.baseline, err = filepath.Abs(o.baseline); err != nil {
			return err
		}
	}
	if b.seed, err = filepath.Abs(filepath.Join(o.fixtures, "b4.final.v1")); err != nil {
		return err
	}
	if err := b.build(ctx, o.loadgen); err != nil {
		return err
	}
	for _, c := range all {
		if !cases.MatchString(c.name) || c.seed && o.fixtures == "" {
			continue
		}
		var rows []row
		for _, s := range b.servers() {
			if some.MatchString(s.name) && c.runsOn(s.name) {
				rows = append(rows, row{server: s})
			}
		}
		for range o.runs {
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

// command runs a program in dir with its output on standard error.
func command(ctx context.Context, dir, name string, args ...string) error {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Stdout, c.Stderr = dir, os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}
