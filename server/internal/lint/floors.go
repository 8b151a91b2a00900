package lint

import (
	"fmt"
	"slices"
	"strings"
)

// A row holds packages that may import any package of the rows before it and
// none of its own row or after it.
type row struct {
	floor    int
	packages []string
}

// rows is the house from the cellar up. Some floors have several rows. A
// package that is missing here is a problem: whoever adds one says where it
// stands.
var rows = []row{
	{0, []string{"crdt/lib0", "web"}},
	{1, []string{"crdt/internal/oracle", "crdt/internal/jsvalue"}},
	{1, []string{"crdt/internal/codec"}},
	{1, []string{"crdt/internal/v2"}},
	{1, []string{"crdt", "crdt/ysync", "presence/awareness", "presence/internal/deadline"}},
	{1, []string{"server/wire", "server/internal/text", "server/internal/clientaddr", "notify/guard"}},
	{2, []string{"crdt/crdttest", "presence", "notify", "server/store", "server/auth", "server/internal/ratelimit"}},
	{2, []string{"server/event"}},
	{3, []string{"presence/presencetest", "notify/notifytest", "server/store/storetest"}},
	{3, []string{"presence/redis", "notify/webpush", "server/store/sqlite"}},
	{3, []string{"server/auth/jwks"}},
	{4, []string{"server/room", "server/chat"}},
	{5, []string{"server/problem"}}, // what the doors print
	{5, []string{"server/ws/internal/netpoll"}},
	{5, []string{"server/ws/internal/netpoll/netpolltest"}},
	{5, []string{"server/ws", "server/api"}}, // neither knows the other: the package server mounts ws on api's routes
	{6, []string{"server"}},
	{7, []string{"crdt/internal/peers", "server/internal/peers", "server/internal/chatbench"}},
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

// guests says which packages may import a dependency that has one place in the
// house. Paths below a guest's own path are the guest too.
var guests = map[string][]string{
	"github.com/olahol/melody": {"server/ws"},
	"github.com/labstack/echo": {"server/api"},
	"github.com/prometheus":    {"server"},
}

// pure packages compute: no network, lock, log or file, and no clock. They may
// speak of times and durations that they are given.
var pure = []string{"crdt/lib0", "crdt/internal/jsvalue", "crdt/internal/codec", "crdt/internal/v2", "crdt", "crdt/ysync", "presence/awareness", "server/wire", "server/internal/text"}

var impure = []string{"context", "log", "net", "os", "sync", "syscall", "math/rand", "crypto/rand"}

var clock = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick"}

// Floors checks that imports point down, that the four libraries know nothing
// of the server or of each other, that the doors' frameworks stay behind their
// doors, and that the pure packages are pure.
//
// A test may besides import any conformance suite (a package whose name ends in
// "test") and what lies in folders below its own.
func Floors(t *Tree) (problems []Problem) {
	for _, f := range t.Go {
		at, known := place(f.Dir)
		if !known {
			problems = append(problems, Problem{f.Path, 0, "the package " + f.Dir + " is on no floor: name it in " + here + "floors.go"})
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

// here is where the tables stand that a problem sends its reader to.
const here = "server/internal/lint/"

// mayImport returns why f, on row at, may not import p, or nothing.
func mayImport(f *GoFile, at int, p string) string {
	for guest, hosts := range guests {
		if within(p, guest) && !slices.Contains(hosts, f.Dir) {
			return fmt.Sprintf("%s belongs into %s alone", p, strings.Join(hosts, " and "))
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
		return fmt.Sprintf("%s must know nothing of %s", from, to)
	}
	below, known := place(dir)
	if known && below >= at {
		return fmt.Sprintf("imports point down: %s is on floor %d, %s on floor %d", f.Dir, rows[at].floor, dir, rows[below].floor)
	}
	return ""
}

// place finds a package's row.
func place(dir string) (index int, known bool) {
	for i, r := range rows {
		if slices.Contains(r.packages, dir) {
			return i, true
		}
	}
	return 0, false
}

// library is the top folder that a package belongs to.
func library(dir string) string {
	top, _, _ := strings.Cut(dir, "/")
	return top
}

// within tells whether p is the import path root or lies below it.
func within(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

// Cycles finds packages of ours that import themselves by way of others. The
// compiler does too, but only in what it builds.
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
