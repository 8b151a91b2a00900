// Command compare compares package crdt with Yjs and ywasm (yrs for browsers) in one run, in
// which the libraries take turns, and prints the tables of crdt/BENCHMARKS.md:
//
//	go run ./crdt/internal/compare -fixtures FIXTURES
//
// It needs Node, npm, and the B4 editing trace, which is not part of this repository. It
// installs the other libraries into a temporary folder. -rounds is how often everything is
// measured, each time in a process of its own; -case selects cases by a part of their name;
// -quick leaves out the cases that take minutes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

type options struct {
	fixtures string
	dir      string
	pick     string
	rounds   int
	budget   time.Duration
	quick    bool
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "-child" {
		child(os.Args[2:])
		return
	}
	o := options{fixtures: os.Getenv("WEFT_FIXTURES")}
	if o.fixtures == "" {
		o.fixtures = "../shared/fixtures"
	}
	flag.StringVar(&o.fixtures, "fixtures", o.fixtures, "folder with the B4 trace")
	flag.StringVar(&o.dir, "dir", "", "folder to work in, kept afterwards (default: a temporary one)")
	flag.StringVar(&o.pick, "case", "", "only cases whose name contains this")
	flag.IntVar(&o.rounds, "rounds", 3, "how often to measure everything")
	flag.DurationVar(&o.budget, "budget", 2*time.Second, "how long to repeat one case in one process")
	flag.BoolVar(&o.quick, "quick", false, "leave out the document a hundred times as large and the slowest merges")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.dir == "" {
		dir, err := os.MkdirTemp("", "weft-compare-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.dir = dir
	}
	if err := install(ctx, o.dir); err != nil {
		return err
	}
	if err := writeData(o); err != nil {
		return err
	}
	r := newReport()
	for round := range o.rounds {
		for _, c := range cases {
			if !strings.Contains(c.name, o.pick) || o.quick && c.slow {
				continue
			}
			for _, lib := range libs {
				if c.skip(lib) {
					continue
				}
				fmt.Fprintf(os.Stderr, "round %d of %d: %s: %s\n", round+1, o.rounds, c.name, lib)
				result, err := measure(ctx, o, c, lib)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", c.name, lib, err)
				}
				r.add(c.name, lib, result)
				r.loop(calibrate())
			}
		}
	}
	r.print(os.Stdout, o)
	return nil
}
