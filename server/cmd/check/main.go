// Command check runs every check that Weft has, the same here and in CI:
//
//	go tool check                 everything
//	go tool check -quick          formatting, vet, staticcheck and the Go tests without -race
//	go tool check vet browser     these parts only
//
// It installs the programs that it needs: npm packages with npm; Node, Chromium, Redis and
// a C compiler with apt-get if it runs as root. If it cannot install one, it says so, and
// the parts that need it fail. Flags switch parts off. The last line is "N passed, N
// failed". The exit status is 0 if all parts passed, 1 if one failed, 2 for wrong flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// options are the values of the flags.
type options struct {
	quick     bool
	fuzz      int
	e2e       bool
	pollerOff bool
	crash     int
	hostile   int
	vectors   int
	seed      int64
	only      []string // names of parts; empty: all
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout))
}

func run(ctx context.Context, args []string, out io.Writer) (status int) {
	o, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(out, "check:", err)
		return 2
	}
	root, err := moduleRoot()
	if err != nil {
		fmt.Fprintln(out, "check:", err)
		return 2
	}
	results := runAll(ctx, plan(o), &workspace{machine: &local{out: out}, root: root, out: out, options: o})
	if !report(out, results) {
		return 1
	}
	return 0
}

func parse(args []string, out io.Writer) (options, error) {
	o := options{}
	f := flag.NewFlagSet("check", flag.ContinueOnError)
	f.SetOutput(out)
	f.BoolVar(&o.quick, "quick", false, "only formatting, vet, staticcheck and the Go tests without -race")
	f.IntVar(&o.fuzz, "fuzz", 0, "executions of every fuzz target (0: off)")
	f.BoolVar(&o.e2e, "e2e", true, "the browser tests")
	f.BoolVar(&o.pollerOff, "poller-off", true, "run the transport's tests again with --poller off")
	f.IntVar(&o.crash, "crash", 20, "rounds of kill -9 under load (0: off)")
	f.IntVar(&o.hostile, "hostile", 10_000, "malformed frames, and as many mutated ones, for each door (0: off)")
	f.IntVar(&o.vectors, "vectors", 2000, "random histories to compare with Yjs (0: off)")
	f.Int64Var(&o.seed, "seed", 0, "seed of the random histories (0: a new one)")
	f.Usage = func() {
		fmt.Fprintf(out, "usage: go tool check [flags] [part ...]\n\nparts: %s\n\n", strings.Join(names(plan(o)), " "))
		f.PrintDefaults()
	}
	if err := f.Parse(args); err != nil {
		return o, err
	}
	o.only = f.Args()
	for _, name := range o.only {
		if !slices.Contains(names(plan(o)), name) {
			return o, fmt.Errorf("no part is called %q; the parts are %s", name, strings.Join(names(plan(o)), ", "))
		}
	}
	return o, nil
}

// moduleRoot returns the nearest folder with a go.mod, from the working folder upwards.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("no go.mod in this folder or above: run this inside the checkout")
		}
		dir = up
	}
}
