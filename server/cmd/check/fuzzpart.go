package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// fuzz runs every fuzz target for a while, each from its committed corpus.
func fuzz(ctx context.Context, b *bench) error {
	list, err := b.output(ctx, b.in(".", "go", "test", "-list", "^Fuzz", "./..."))
	if err != nil {
		return err
	}
	targets := fuzzTargets(list)
	if len(targets) == 0 {
		return errors.New("there is no fuzz target")
	}
	var failures []error
	for _, t := range targets {
		failures = append(failures, fuzzOne(ctx, b, t))
	}
	return errors.Join(failures...)
}

// fuzzTries is how often a target may run until it has ended by itself.
const fuzzTries = 3

// fuzzOne runs one target, and again if Go's coordinator broke the run off.
func fuzzOne(ctx context.Context, b *bench, t target) error {
	c := b.in(".", "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$", "-fuzztime", b.options.fuzz.String(), t.pkg)
	for try := 1; ; try++ {
		said, err := b.transcript(ctx, c)
		if err == nil || ctx.Err() != nil || !brokenOff(said, t.name) {
			return err
		}
		if try == fuzzTries {
			return fmt.Errorf("%w: context deadline exceeded without a failing input, %d times in a row", err, try)
		}
		fmt.Fprintf(b.out, "%s found nothing: Go's coordinator broke the run off at its deadline (golang/go#75804). Running it again, try %d of %d\n",
			t.name, try+1, fuzzTries)
	}
}

// brokenOff tells whether a failed run of the target printed nothing but its
// progress and that the coordinator's own deadline passed. Go before 1.27 now and then
// ends a run so that found nothing: golang/go#75804. Any other line is a
// failure of the target.
func brokenOff(said, name string) bool {
	deadline, failed := 0, 0
	for line := range strings.Lines(said) {
		line = strings.TrimRight(line, "\r\n")
		switch {
		case line == "    context deadline exceeded":
			deadline++
		case strings.HasPrefix(line, "--- FAIL: "+name+" ("):
			failed++
		case line == "", line == "FAIL", line == "exit status 1", strings.HasPrefix(line, "FAIL\t"):
		case strings.HasPrefix(line, "fuzz: elapsed: "), strings.HasPrefix(line, "go: downloading "):
		default:
			return false
		}
	}
	return deadline == 1 && failed == 1
}

type target struct{ pkg, name string }

// fuzzTargets reads what go test -list prints: the names of a package's targets
// and then the line that closes the package.
func fuzzTargets(list string) (targets []target) {
	var names []string
	for line := range strings.Lines(list) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 1 && strings.HasPrefix(fields[0], "Fuzz"):
			names = append(names, fields[0])
		case len(fields) >= 2 && fields[0] == "ok":
			for _, n := range names {
				targets = append(targets, target{fields[1], n})
			}
			names = nil
		}
	}
	return targets
}
