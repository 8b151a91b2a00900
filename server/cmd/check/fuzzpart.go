package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// fuzz runs every fuzz target, each from its committed corpus.
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

// fuzzOne runs one target. Its length is a number of executions: a run that ends at
// a deadline now and then fails with nothing found (golang/go#75804, Go before 1.27).
func fuzzOne(ctx context.Context, b *bench, t target) error {
	return b.run(ctx, b.in(".", "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$",
		"-fuzztime", fmt.Sprintf("%dx", b.options.fuzz), "-fuzzminimizetime", "500x", t.pkg))
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
