// Command build makes web/dist, the site that the server embeds, from the
// TypeScript, styles, fonts and static files of web.
//
//	go run ./web/build          write dist
//	go run ./web/build -check   exit 1 and list the files that differ from dist
//
// It needs web/node_modules for what comes from npm and nothing else: the
// bundler is a Go library. The same sources always give the same bytes, which
// is what lets -check stand in for reviewing a bundle.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// site is every file of dist by its path with slashes.
type site map[string][]byte

// add refuses a second file of the same name: one would silently win.
func (s site) add(name string, body []byte) error {
	if _, taken := s[name]; taken {
		return fmt.Errorf("build: two files want to be %s", name)
	}
	s[name] = body
	return nil
}

func main() {
	root := flag.String("web", "web", "the web folder")
	check := flag.Bool("check", false, "compare with dist instead of writing it")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return fmt.Errorf("build: %w", err)
	}
	made, err := build(root)
	if err != nil {
		return err
	}
	dist := filepath.Join(root, "dist")
	if check {
		return compare(made, dist)
	}
	return write(made, dist)
}

// build makes the site in memory.
func build(root string) (site, error) {
	made := site{}
	sources, err := bundle(root, made)
	if err != nil {
		return nil, err
	}
	if err := copyFonts(root, made); err != nil {
		return nil, err
	}
	if err := copyStatic(filepath.Join(root, "app", "static"), made); err != nil {
		return nil, err
	}
	if err := drawIcons(made); err != nil {
		return nil, err
	}
	text, err := licences(root, sources)
	if err != nil {
		return nil, err
	}
	return made, made.add("LICENSES.txt", text)
}

// write makes dist hold the site and nothing else. A file that is already
// right is not touched, so that build caches stay warm.
func write(made site, dist string) error {
	there, err := read(dist)
	if err != nil {
		return err
	}
	for name := range there {
		if _, wanted := made[name]; !wanted {
			if err := os.Remove(filepath.Join(dist, filepath.FromSlash(name))); err != nil {
				return fmt.Errorf("build: %w", err)
			}
		}
	}
	for name, body := range made {
		if old, ok := there[name]; ok && bytes.Equal(old, body) {
			continue
		}
		target := filepath.Join(dist, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("build: %w", err)
		}
		if err := os.WriteFile(target, body, 0o644); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	report(made)
	return nil
}

// compare returns an error that lists what dist has too many, too few or
// different.
func compare(made site, dist string) error {
	there, err := read(dist)
	if err != nil {
		return err
	}
	var drift []string
	for name, body := range made {
		old, ok := there[name]
		switch {
		case !ok:
			drift = append(drift, name+" is missing")
		case !bytes.Equal(old, body):
			drift = append(drift, name+" differs")
		}
	}
	for name := range there {
		if _, wanted := made[name]; !wanted {
			drift = append(drift, name+" is made by nothing")
		}
	}
	if len(drift) == 0 {
		return nil
	}
	slices.Sort(drift)
	list := []error{errors.New("build: web/dist is not what web builds; run go run ./web/build and commit the result")}
	for _, d := range drift {
		list = append(list, errors.New("  "+d))
	}
	return errors.Join(list...)
}

// read loads a folder. A folder that does not exist is an empty one.
func read(dir string) (site, error) {
	there := site{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && p == dir {
			return fs.SkipAll
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		body, err := os.ReadFile(p)
		there[filepath.ToSlash(rel)] = body
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	return there, nil
}
