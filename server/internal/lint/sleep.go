package lint

import "strings"

// sleeps names the test files that may wait in real time, and why.
var sleeps = map[string]string{}

// Sleeps finds time.Sleep in tests and in the suites they share: a test that
// waits a fixed time is slow when it is right and flaky when it is wrong.
// Inside a synctest bubble the clock is not real and sleeping is how one moves
// it, so a file that uses synctest is taken to know what it does.
func Sleeps(t *Tree) (problems []Problem) {
	needed := map[string]bool{}
	for _, f := range t.Go {
		if !f.Test && !strings.HasSuffix(f.Dir, "test") {
			continue
		}
		if f.localName("testing/synctest") != "" {
			continue
		}
		for _, pos := range f.uses("time", "Sleep") {
			needed[f.Path] = true
			if _, excused := sleeps[f.Path]; !excused {
				problems = append(problems, Problem{f.Path, t.line(pos), "time.Sleep in a test: wait for the event, or use testing/synctest"})
			}
		}
	}
	return append(problems, stale(sleeps, needed, "does not sleep")...)
}
