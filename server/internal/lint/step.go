package lint

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// stepDir is the package whose files in stepFiles make up a room's step: a deterministic
// function of the state and a command, which returns what is to be done as effects. So
// these files call no peer, read no clock, and use no goroutine, channel, lock or log.
const stepDir = "server/room/"

var stepFiles = []string{"awareness.go", "clients.go", "effect.go", "limits.go", "pending.go", "readonly.go", "roster.go", "step.go", "update.go"}

// peerFile declares the interfaces of peers. Each of their methods is forbidden in the step.
const peerFile = stepDir + "peer.go"

var stepImports = []string{"context", "crypto/rand", "log", "math/rand", "net", "os", "sync", "syscall"}

var lockMethods = []string{"Lock", "Unlock", "RLock", "RUnlock", "TryLock", "TryRLock"}

// Steps checks that the files of the room's step return effects and do nothing else. Calls are
// found by the method's name, whatever the value is called.
func Steps(t *Tree) (problems []Problem) {
	methods := peerMethods(t)
	if len(methods) == 0 {
		problems = append(problems, Problem{peerFile, 0, "declares no interface: " + here + "step.go looks there for the methods that the step must not call"})
	}
	found := map[string]bool{}
	for _, f := range t.Go {
		name, inDir := strings.CutPrefix(f.Path, stepDir)
		if !inDir || !slices.Contains(stepFiles, name) {
			continue
		}
		found[name] = true
		problems = append(problems, stepProblems(t, f, methods)...)
	}
	for _, name := range stepFiles {
		if !found[name] {
			problems = append(problems, Problem{stepDir + name, 0, "no such file: " + here + "step.go names it as a part of the step"})
		}
	}
	return problems
}

// stepProblems returns what a file of the step does besides returning effects.
func stepProblems(t *Tree, f *GoFile, methods []string) (problems []Problem) {
	add := func(pos token.Pos, text string) {
		problems = append(problems, Problem{f.Path, t.line(pos), "the step " + text + ": return an effect, which Room.apply executes"})
	}
	for p, pos := range f.imports {
		if slices.ContainsFunc(stepImports, func(i string) bool { return within(p, i) }) {
			add(pos, "imports "+p)
		}
	}
	for _, pos := range f.uses("time", clock...) {
		add(pos, "reads the clock")
	}
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			switch {
			case !ok:
			case slices.Contains(methods, sel.Sel.Name):
				add(n.Pos(), "calls the peer's method "+sel.Sel.Name)
			case slices.Contains(lockMethods, sel.Sel.Name):
				add(n.Pos(), "uses a lock")
			}
		case *ast.GoStmt:
			add(n.Pos(), "starts a goroutine")
		case *ast.ChanType, *ast.SendStmt, *ast.SelectStmt:
			add(n.Pos(), "uses a channel")
		case *ast.UnaryExpr:
			if n.Op == token.ARROW {
				add(n.Pos(), "uses a channel")
			}
		}
		return true
	})
	return problems
}

// peerMethods returns the names of the methods of all interfaces in peerFile.
func peerMethods(t *Tree) (names []string) {
	for _, f := range t.Go {
		if f.Path != peerFile {
			continue
		}
		ast.Inspect(f.Syntax, func(n ast.Node) bool {
			if i, ok := n.(*ast.InterfaceType); ok {
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						names = append(names, name.Name)
					}
				}
			}
			return true
		})
	}
	return names
}
