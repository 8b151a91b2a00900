package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"
)

// A part is one check. It has passed if run returns nil.
type part struct {
	name string
	off  string // why the part is switched off; empty: it is not
	run  func(ctx context.Context, w *workspace) error
}

// A workspace is the checkout and the machine that the parts run on.
type workspace struct {
	machine
	root    string // folder of go.mod
	out     io.Writer
	options options

	// npm ci runs once. Its error is the error of every part that needs the packages.
	npmRan bool
	npmErr error
}

// partLimit is the time after which a part is cancelled.
const partLimit = 25 * time.Minute

// plan returns all parts, quick ones first, including those that are switched off.
func plan(o options) []part {
	parts := []part{
		{name: "gofmt", run: gofmt},
		{name: "vet", run: vet},
		{name: "staticcheck", run: staticcheck},
		{name: "test", run: tests},
		{name: "fuzz", run: fuzz, off: when(o.fuzz == 0, "no -fuzz")},
		{name: "crash", run: crash, off: when(o.crash == 0, "-crash 0")},
		{name: "hostile", run: hostile, off: when(o.hostile == 0, "-hostile 0")},
		{name: "web", run: web},
		{name: "dist", run: dist},
		{name: "vectors", run: vectors, off: when(o.vectors == 0, "-vectors 0")},
		{name: "browser", run: browser, off: when(!o.e2e, "-e2e=false")},
		{name: "poller-off", run: pollerOff, off: when(!o.pollerOff, "-poller-off=false")},
	}
	for i := range parts {
		p := &parts[i]
		switch {
		case o.only != nil && slices.Contains(o.only, p.name):
			p.off = when(p.name == "fuzz" && o.fuzz == 0, "no -fuzz")
		case len(o.only) > 0:
			p.off = "not asked for"
		case o.quick && !slices.Contains([]string{"gofmt", "vet", "staticcheck", "test"}, p.name):
			p.off = "-quick"
		}
	}
	return parts
}

func when(yes bool, why string) string {
	if yes {
		return why
	}
	return ""
}

func names(parts []part) (all []string) {
	for _, p := range parts {
		all = append(all, p.name)
	}
	return all
}

// A result is the outcome of one part.
type result struct {
	part part
	err  error
	took time.Duration
}

// runAll runs the parts one after the other. A failed part does not stop the others.
func runAll(ctx context.Context, parts []part, w *workspace) (results []result) {
	for _, p := range parts {
		if p.off != "" {
			results = append(results, result{part: p})
			continue
		}
		fmt.Fprintf(w.out, "\n== %s\n", p.name)
		begun := time.Now()
		err := ctx.Err()
		if err == nil {
			err = runOne(ctx, p, w)
		}
		results = append(results, result{p, err, time.Since(begun)})
	}
	return results
}

func runOne(ctx context.Context, p part, w *workspace) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, partLimit, fmt.Errorf("still running after %s", partLimit))
	defer cancel()
	if err := p.run(ctx, w); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
		return err
	}
	return nil
}

// report prints the outcome of every part and returns whether all parts that ran passed. A
// run without any part has not passed.
func report(out io.Writer, results []result) bool {
	passed, failed := 0, 0
	fmt.Fprintf(out, "\n%-12s %-8s %8s\n", "part", "result", "seconds")
	for _, r := range results {
		switch {
		case r.part.off != "":
			fmt.Fprintf(out, "%-12s %-8s %8s  %s\n", r.part.name, "off", "", r.part.off)
		case r.err != nil:
			failed++
			fmt.Fprintf(out, "%-12s %-8s %8.1f\n", r.part.name, "FAILED", r.took.Seconds())
		default:
			passed++
			fmt.Fprintf(out, "%-12s %-8s %8.1f\n", r.part.name, "ok", r.took.Seconds())
		}
	}
	fmt.Fprintln(out)
	for _, r := range results {
		if r.err != nil {
			fmt.Fprintf(out, "%s failed: %v\n", r.part.name, r.err)
		}
	}
	if passed+failed == 0 {
		fmt.Fprintln(out, "nothing was checked")
	}
	fmt.Fprintf(out, "%d passed, %d failed\n", passed, failed)
	return failed == 0 && passed > 0
}
