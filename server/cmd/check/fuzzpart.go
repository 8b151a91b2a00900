package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// fuzz runs every fuzz target, each from its committed corpus.
func fuzz(ctx context.Context, w *workspace) error {
	list, err := w.output(ctx, w.in(".", "go", "test", "-list", "^Fuzz", "./..."))
	if err != nil {
		return err
	}
	targets := fuzzTargets(list)
	if len(targets) == 0 {
		return errors.New("no fuzz target found")
	}
	var failures []error
	for _, t := range targets {
		failures = append(failures, fuzzOne(ctx, w, t))
	}
	return errors.Join(failures...)
}

// fuzzOne runs one target for a number of executions. A time limit would make it fail now
// and then without a finding (golang/go#75804, Go before 1.27).
func fuzzOne(ctx context.Context, w *workspace, t target) error {
	return w.run(ctx, w.in(".", "go", "test", "-run", "^$", "-fuzz", "^"+t.name+"$",
		"-fuzztime", fmt.Sprintf("%dx", w.options.fuzz), "-fuzzminimizetime", "500x", t.pkg))
}

type target struct{ pkg, name string }

// fuzzTargets parses the output of go test -list: the names of a package's targets, then a
// line with the package.
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
