package lint

import (
	"fmt"
	"slices"
	"strings"
)

// A row is a set of packages. They may import packages of earlier rows only.
type row struct {
	floor    int
	packages []string
}

// rows lists all packages, lowest layer first. A layer (floor) may have several rows. A
// package that is missing is a problem: add a new package where it belongs.
var rows = []row{
	{0, []string{"crdt/lib0", "web"}},
	{1, []string{"crdt/internal/oracle", "crdt/internal/jsvalue"}},
	{1, []string{"crdt/internal/codec"}},
	{1, []string{"crdt/internal/v2"}},
	{1, []string{"crdt", "crdt/ysync", "presence/awareness", "presence/internal/deadline", "presence/internal/signal"}},
	{1, []string{"server/wire", "server/internal/text", "server/internal/signal", "server/internal/clientaddr", "notify/guard"}},
	{2, []string{"crdt/crdttest", "presence", "notify", "server/store", "server/auth", "server/internal/ratelimit", "server/internal/durable"}},
	{2, []string{"server/event"}},
	{3, []string{"server/event/eventtest", "presence/presencetest", "notify/notifytest", "server/store/storetest"}},
	{3, []string{"presence/redis", "notify/webpush", "server/store/sqlite"}},
	{3, []string{"server/auth/jwks"}},
	{3, []string{"server/room/feed", "server/room/journal"}},
	{4, []string{"server/room", "server/chat"}},
	{5, []string{"server/problem"}}, // what the doors print
	{5, []string{"server/ws/internal/netpoll"}},
	{5, []string{"server/ws/internal/netpoll/netpolltest"}},
	{5, []string{"server/ws", "server/api"}}, // neither knows the other: the package server mounts ws on api's routes
	{6, []string{"server"}},
	{7, []string{"crdt/internal/compare", "server/internal/compare", "server/internal/chatbench"}},
	{7, []string{"server/cmd/weft", "server/cmd/check", "server/e2e", "server/internal/lint", "web/build"}},
}

// Rows checks that every package in the table of floors exists.
func Rows(t *Tree) (problems []Problem) {
	exists := map[string]bool{}
	for _, f := range t.Go {
		exists[f.Dir] = true
	}
	for _, r := range rows {
		for _, p := range r.packages {
			if !exists[p] {
				problems = append(problems, Problem{p, 0, "there is no such package: take it out of the table in " + here + "floors.go"})
			}
		}
	}
	return problems
}

// confined lists dependencies, by a prefix of their import path, and the packages that may
// import them.
var confined = map[string][]string{
	"github.com/olahol/melody": {"server/ws"},
	"github.com/labstack/echo": {"server/api"},
	"github.com/prometheus":    {"server"},
}

// pure packages only compute: they use no network, lock, log, file or clock. They may use
// the types time.Time and time.Duration.
var pure = []string{"crdt/lib0", "crdt/internal/jsvalue", "crdt/internal/codec", "crdt/internal/v2", "crdt", "crdt/ysync", "presence/awareness", "server/wire", "server/internal/text", "server/internal/signal"}

var impure = []string{"context", "log", "net", "os", "sync", "syscall", "math/rand", "crypto/rand"}

var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

// Floors checks these rules of imports:
//
//   - A package imports only packages of lower rows.
//   - The four libraries import neither the server nor each other.
//   - Confined dependencies are imported only where the table allows it.
//   - Pure packages import nothing impure and do not read the clock.
//
// A test may also import any conformance suite (a package whose name ends in "test") and
// packages in folders below its own.
func Floors(t *Tree) (problems []Problem) {
	for _, f := range t.Go {
		at, known := place(f.Dir)
		if !known {
			problems = append(problems, Problem{f.Path, 0, "the package " + f.Dir + " is on no floor: add it to the table in " + here + "floors.go"})
			continue
		}
		for p, pos := range f.imports {
			if text := mayImport(f, at, p); text != "" {
				problems = append(problems, Problem{f.Path, t.line(pos), text})
			}
		}
		if !f.Test && slices.Contains(pure, f.Dir) {
			for _, pos := range f.uses("time", clock...) {
				problems = append(problems, Problem{f.Path, t.line(pos), f.Dir + " is pure and reads the clock"})
			}
		}
	}
	return problems
}

// generator is the program that writes the browser's sources which are made from
// Go tables. Alone in web it may import packages of the other libraries.
const generator = "web/build"

// here is the folder of the tables that problems refer to.
const here = "server/internal/lint/"

// mayImport returns why f, in row at, may not import p; empty: it may.
func mayImport(f *GoFile, at int, p string) string {
	for dependency, hosts := range confined {
		if within(p, dependency) && !slices.Contains(hosts, f.Dir) {
			return fmt.Sprintf("%s may be imported only by %s", p, strings.Join(hosts, " and "))
		}
	}
	dir, ours := own(p)
	if !ours {
		if !f.Test && slices.Contains(pure, f.Dir) && slices.ContainsFunc(impure, func(i string) bool { return within(p, i) }) {
			return fmt.Sprintf("%s is pure and %s is not", f.Dir, p)
		}
		return ""
	}
	if dir == f.Dir || f.Test && (strings.HasSuffix(dir, "test") || within(dir, f.Dir)) {
		return ""
	}
	from, to := library(f.Dir), library(dir)
	if f.Dir == generator {
		from = "server"
	}
	if from != "server" && from != to && dir != "crdt/lib0" {
		return fmt.Sprintf("%s must not import %s", from, to)
	}
	below, known := place(dir)
	if known && below >= at {
		return fmt.Sprintf("imports point down: %s is on floor %d, %s on floor %d", f.Dir, rows[at].floor, dir, rows[below].floor)
	}
	return ""
}

// place returns the index of a package's row.
func place(dir string) (index int, known bool) {
	for i, r := range rows {
		if slices.Contains(r.packages, dir) {
			return i, true
		}
	}
	return 0, false
}

// library returns the top-level folder of a package.
func library(dir string) string {
	top, _, _ := strings.Cut(dir, "/")
	return top
}

// within reports whether p is root or lies below it.
func within(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

// Cycles finds import cycles. The compiler finds them too, but only among the files that it
// builds on this platform.
func Cycles(t *Tree) (problems []Problem) {
	edges := map[string][]string{}
	for _, f := range t.Go {
		if f.Test {
			continue
		}
		for p := range f.imports {
			if dir, ours := own(p); ours && !slices.Contains(edges[f.Dir], dir) {
				edges[f.Dir] = append(edges[f.Dir], dir)
			}
		}
	}
	var trail []string
	done := map[string]bool{}
	var visit func(dir string)
	visit = func(dir string) {
		if i := slices.Index(trail, dir); i >= 0 {
			circle := strings.Join(append(slices.Clone(trail[i:]), dir), " → ")
			problems = append(problems, Problem{dir, 0, "import cycle: " + circle})
			return
		}
		if done[dir] {
			return
		}
		done[dir] = true
		trail = append(trail, dir)
		for _, next := range edges[dir] {
			visit(next)
		}
		trail = trail[:len(trail)-1]
	}
	for _, f := range t.Go {
		visit(f.Dir)
	}
	return problems
}
