package lint

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// sleeps names the test files that may wait for a fixed time, and why.
var sleeps = map[string]string{
	"server/e2e/restart_test.go":    "keepLoad: kills at a random time under load, and whiles in which nothing may happen",
	"server/presence_bench_test.go": "pause: the latency of a network is part of the benchmark",
}

// timers are the functions of package time whose channel fires after a fixed time.
var timers = []string{"After", "Tick", "NewTimer", "NewTicker"}

// Sleeps finds fixed waits in tests and in the conformance suites that tests share:
//
//   - time.Sleep,
//   - a receive from a timer on its own: <-time.After(d), also as the only case of a
//     select or assigned to a variable.
//
// A test that waits for a fixed time is slow when the code is right and flaky when the
// code is wrong. A timer beside other cases of a select is a timeout and allowed. In a
// file that uses testing/synctest the clock is not real and sleeping is how a test moves
// it, so such a file is not looked at.
func Sleeps(t *Tree) []Problem { return sleepsExcept(t, sleeps) }

// sleepsExcept is Sleeps with other exceptions.
func sleepsExcept(t *Tree, exceptions map[string]string) (problems []Problem) {
	needed := map[string]bool{}
	for _, f := range t.Go {
		if !f.Test && !strings.HasSuffix(f.Dir, "test") || f.localName("testing/synctest") != "" {
			continue
		}
		for _, pos := range append(f.uses("time", "Sleep"), f.timerWaits()...) {
			needed[f.Path] = true
			if _, excused := exceptions[f.Path]; !excused {
				problems = append(problems, Problem{f.Path, t.line(pos), "a test waits for a fixed time: wait for the event, or use testing/synctest"})
			}
		}
	}
	return append(problems, stale(exceptions, needed, "does not sleep")...)
}

// timerWaits finds receives from a timer of package time that nothing else can end.
func (f *GoFile) timerWaits() (at []token.Pos) {
	calls := f.uses("time", timers...)
	if len(calls) == 0 {
		return nil
	}
	timeouts := map[ast.Node]bool{} // cases of a select that has others
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectStmt); ok && len(s.Body.List) > 1 {
			for _, c := range s.Body.List {
				timeouts[c.(*ast.CommClause).Comm] = true
			}
		}
		return true
	})
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		if n == nil || timeouts[n] {
			return false
		}
		receive, ok := n.(*ast.UnaryExpr)
		if !ok || receive.Op != token.ARROW {
			return true
		}
		if slices.ContainsFunc(calls, func(p token.Pos) bool { return receive.Pos() < p && p < receive.End() }) {
			at = append(at, receive.Pos())
		}
		return true
	})
	return at
}
