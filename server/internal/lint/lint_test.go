package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository, relative to this folder.
const root = "../../.."

// TestHouse checks the repository against all rules.
func TestHouse(t *testing.T) {
	tree, err := Read(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	if len(tree.Go) < 20 {
		t.Fatalf("only %d Go files under %s: is it the repository?", len(tree.Go), root)
	}
	rules := []struct {
		name  string
		check func(*Tree) []Problem
	}{
		{"imports point down", Floors},
		{"every floor's packages exist", Rows},
		{"no import cycle", Cycles},
		{"one package comment each", Comments},
		{"known top level", Tops},
		{"documents name what exists", Documents},
		{"tests do not sleep", Sleeps},
		{"nothing of one machine", Outside},
		{"the room's step returns effects only", Steps},
		{"the field's own words", Words},
		{"file length", func(t *Tree) []Problem { p, _ := Lengths(t); return p }},
	}
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			for _, p := range rule.check(tree) {
				t.Error(p)
			}
		})
	}
	_, warnings := Lengths(tree)
	for _, w := range warnings {
		t.Logf("soon too long: %s", w)
	}
}

// TestRules gives every rule violations that it must find, and similar code that it must
// accept.
func TestRules(t *testing.T) {
	lines := strings.Repeat("\n", tooLong+1)
	tests := []struct {
		name  string
		check func(*Tree) []Problem
		files map[string]string
		want  []string // prefix of each problem, in order
	}{
		{
			"import upwards", Floors,
			map[string]string{
				"server/store/a.go": "package store\nimport _ \"weft/server/room\"",
				"server/room/a.go":  "package room\nimport _ \"weft/server/store\"",
			},
			[]string{"server/store/a.go:2: imports point down: server/store is on floor 2, server/room on floor 4"},
		},
		{
			"import sideways", Floors,
			map[string]string{"server/chat/a.go": "package chat\nimport _ \"weft/server/room\""},
			[]string{"server/chat/a.go:2: imports point down"},
		},
		{
			"a library imports the server", Floors,
			map[string]string{"notify/a.go": "package notify\nimport _ \"weft/server/wire\""},
			[]string{"notify/a.go:2: notify must not import server"},
		},
		{
			"a library imports another", Floors,
			map[string]string{
				"presence/a.go":             "package presence\nimport _ \"weft/crdt\"",
				"presence/awareness/a.go":   "package awareness\nimport _ \"weft/crdt/lib0\"",
				"presence/awareness/b.go":   "package awareness\nimport _ \"weft/crdt/ysync\"",
				"server/store/sqlite/db.go": "package sqlite\nimport _ \"weft/notify\"",
			},
			[]string{"presence/a.go:2: presence must not import crdt", "presence/awareness/b.go:2: presence must not"},
		},
		{
			"only the generator in web may import other libraries", Floors,
			map[string]string{
				"web/a.go":       "package web\nimport _ \"weft/presence/awareness\"",
				"web/build/a.go": "package main\nimport _ \"weft/presence/awareness\"",
			},
			[]string{"web/a.go:2: web must not import presence"},
		},
		{
			"a test may import suites and adapters, the package may not", Floors,
			map[string]string{
				"notify/a_test.go":       "package notify_test\nimport _ \"weft/notify/webpush\"",
				"notify/b.go":            "package notify\nimport _ \"weft/notify/webpush\"",
				"server/room/a_test.go":  "package room\nimport _ \"weft/server/ws\"",
				"server/store/a_test.go": "package store_test\nimport _ \"weft/server/store/storetest\"",
				"server/store/a.go":      "package store\nimport _ \"weft/server/store/storetest\"",
			},
			[]string{"notify/b.go:2: imports point down", "server/room/a_test.go:2: imports point down", "server/store/a.go:2: imports point down"},
		},
		{
			"the doors' frameworks behind their doors", Floors,
			map[string]string{
				"server/room/a.go": "package room\nimport _ \"github.com/olahol/melody\"",
				"server/ws/a.go":   "package ws\nimport _ \"github.com/olahol/melody\"",
				"server/ws/b.go":   "package ws\nimport _ \"github.com/labstack/echo/v4\"",
				"server/api/b.go":  "package api\nimport _ \"github.com/labstack/echo/v4/middleware\"",
			},
			[]string{"server/room/a.go:2: github.com/olahol/melody", "server/ws/b.go:2: github.com/labstack/echo/v4"},
		},
		{
			"pure packages", Floors,
			map[string]string{
				"crdt/a.go":        "package crdt\nimport (\n_ \"sync\"\n_ \"net/http\"\n_ \"sort\"\n)",
				"crdt/a_test.go":   "package crdt\nimport _ \"time\"",
				"server/wire/a.go": "package wire\nimport \"time\"\nvar a time.Duration\nvar b = time.Now()",
			},
			[]string{"crdt/a.go:3: crdt is pure and sync is not", "crdt/a.go:4:", "server/wire/a.go:4:"},
		},
		{
			"a package on no floor", Floors,
			map[string]string{"server/util/a.go": "package util"},
			[]string{"server/util/a.go: the package server/util is on no floor"},
		},
		{
			"a floor names a package that does not exist", func(t *Tree) []Problem { return Rows(t)[:1] },
			map[string]string{"server/a.go": "package server"},
			[]string{"crdt/lib0: there is no such package"},
		},
		{
			"import cycle", Cycles,
			map[string]string{
				"a/a.go": "package a\nimport _ \"weft/b\"",
				"b/b.go": "package b\nimport _ \"weft/c\"",
				"c/c.go": "package c\nimport _ \"weft/a\"",
			},
			[]string{"a: import cycle: a → b → c → a"},
		},
		{
			"package comments", Comments,
			map[string]string{
				"none/a.go":     "package none",
				"one/a.go":      "// Package one is fine.\npackage one",
				"one/b.go":      "package one",
				"one/a_test.go": "// This is no comment of the package's.\npackage one_test",
				"two/a.go":      "// Package two is here.\npackage two",
				"two/b.go":      "// Package two is there.\npackage two",
				"odd/a.go":      "// It is odd.\npackage odd",
				"main/main.go":  "// The program.\npackage main",
				"tests/a_test.go": "//go:build linux\n\n// Package tests has nothing else.\n" +
					"package tests",
			},
			[]string{"none: the package has no", "odd/a.go:1: the package comment must begin with Package odd", "two: the package has 2 package comments: two/a.go, two/b.go"},
		},
		{
			"top level", Tops,
			map[string]string{"README.md": "", ".ci/run": "", "server/a.txt": "", "notes.txt": "", "pkg/a.go": "package a", "pkg/b.go": "package a"},
			[]string{"notes.txt: the root", "pkg: the root"},
		},
		{
			"documents", Documents,
			map[string]string{
				"server/room/hub.go": "package room",
				"server/DESIGN.md": "See `server/room/hub.go:12`, `room/hub.go`, `server/room/*.go`, `hub.go`\n" +
					"and `server/room/gone.go`; `go run ./server/cmd/weft --data ./weft-data`;\n" +
					"`/ws/{room}`, `text/plain`, `server.New(cfg)`, `go test ./...`, `gone.md`.\n" +
					"[this](room/hub.go#L1) ![that](gone.png) [site](https://example.org/a)",
				"crdt/testdata/README.md": "`crdt/nothing/`",
			},
			[]string{
				"crdt/testdata/README.md:1: names crdt/nothing,",
				"server/DESIGN.md:1: names hub.go,",
				"server/DESIGN.md:2: names server/room/gone.go,",
				"server/DESIGN.md:2: names ./server/cmd/weft,",
				"server/DESIGN.md:3: names gone.md,",
				"server/DESIGN.md:4: names gone.png,",
			},
		},
		{
			"file length", func(t *Tree) []Problem { p, _ := Lengths(t); return p },
			map[string]string{
				"crdt/a.go":          "package crdt" + lines,
				"crdt/b.go":          "package crdt" + lines[2:],
				"web/app/a.ts":       lines,
				"web/dist/a.js":      lines,
				"crdt/testdata/a.js": lines,
				"README.md":          lines,
			},
			[]string{"crdt/a.go: 601 lines", "web/app/a.ts: 601 lines"},
		},
		{
			"sleep", func(t *Tree) []Problem { return sleepsExcept(t, nil) },
			map[string]string{
				"crdt/a_test.go": "package crdt\nimport \"time\"\nfunc TestA() {\n\ttime.Sleep(1)\n}",
				"crdt/b_test.go": "package crdt\nimport clock \"time\"\nfunc helper() {\n\tclock.Sleep(1)\n}",
				"crdt/a.go":      "package crdt\nimport \"time\"\nfunc a() { time.Sleep(1) }",
				"crdt/c_test.go": "package crdt\nimport (\n\"time\"\n\"testing/synctest\"\n)\n" +
					"func TestC() { synctest.Test(t, func() { time.Sleep(1) }) }",
				"presence/presencetest/suite.go": "package presencetest\nimport \"time\"\nfunc Run() { time.Sleep(1) }",
			},
			[]string{"crdt/a_test.go:4:", "crdt/b_test.go:4:", "presence/presencetest/suite.go:3:"},
		},
		{
			"words that make a reader guess", Words,
			map[string]string{
				"crdt/a.go":    "package crdt\n\n// a is fine.\n//\n// It is pas" + "sed over.\nvar a = \"co" + "me back\"",
				"web/sdk/a.ts": "const a = 'com" + "es back' // fine\n// wh" + "o comes\n * it ran o" + "ut\nconst b = 1 /* under w" + "ay */",
				"README.md":    "Expired tokens are refused.\nWh" + "at comes is applied.",
			},
			[]string{"crdt/a.go:5: says", "README.md:2: says", "web/sdk/a.ts:2: says", "web/sdk/a.ts:3: says", "web/sdk/a.ts:4: says"},
		},
		{
			"timers that nothing else ends", func(t *Tree) []Problem { return sleepsExcept(t, nil) },
			map[string]string{
				"crdt/a_test.go": "package crdt\nimport \"time\"\nfunc a() {\n\t<-time.After(1)\n\tat := <-time.NewTimer(1).C\n\t_ = at\n" +
					"\tselect {\n\tcase <-time.Tick(1):\n\t}\n}",
				"crdt/b_test.go": "package crdt\nimport \"time\"\nfunc b(c chan int) {\n\tselect {\n\tcase <-c:\n\tcase <-time.After(1):\n\t}\n" +
					"\tlate := time.After(1)\n\tselect {\n\tcase <-c:\n\tcase <-late:\n\t}\n}",
				"crdt/c_test.go": "package crdt\nimport \"time\"\nfunc c(c chan int) {\n\tselect {\n\tcase <-c:\n\t\t<-time.After(1)\n\tdefault:\n\t}\n}",
			},
			[]string{"crdt/a_test.go:4:", "crdt/a_test.go:5:", "crdt/a_test.go:8:", "crdt/c_test.go:6:"},
		},
		{
			"one machine", Outside,
			map[string]string{
				"web/package-lock.json": "{}\n\"https://" + "registry." + "npmjs.org/yjs\"",
				"server/a.go":           "package server // " + "/root" + "/go",
				"crdt/a.bin":            "/root" + "/go",
			},
			[]string{"server/a.go:1: names", "web/package-lock.json:2: names"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := test.check(plant(t, test.files))
			for i, want := range test.want {
				if i >= len(got) {
					t.Fatalf("got %d problems %v, no %q", len(got), got, want)
				}
				if !strings.HasPrefix(got[i].String(), want) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
			for _, p := range got[min(len(got), len(test.want)):] {
				t.Errorf("unexpected problem: %s", p)
			}
		})
	}
}

// TestExceptions: a file with an exception is accepted, and an exception that is not
// needed any more is a problem.
func TestExceptions(t *testing.T) {
	needed := map[string]bool{"a.go": true}
	excuses := map[string]string{"a.go": "one table", "b.go": "one table"}
	got := stale(excuses, needed, "is short")
	if len(got) != 1 || got[0].Path != "b.go" {
		t.Errorf("got %v, want a problem with b.go alone", got)
	}
}

// TestUnparsable: a Go file with a syntax error is an error of Read.
func TestUnparsable(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a.go", "packge a")
	if _, err := Read(os.DirFS(dir)); err == nil {
		t.Error("no error")
	}
}

func plant(t *testing.T, files map[string]string) *Tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, dir, name, text)
	}
	tree, err := Read(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
