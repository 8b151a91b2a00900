// Command build makes web/dist, the site that the server embeds, from the
// TypeScript, styles, fonts and static files of web. Before that it writes the
// source files that are generated from Go, such as the colours of people.
//
//	go run ./web/build          write the generated sources and dist
//	go run ./web/build -check   exit 1 and list the files that differ
//
// It needs the npm packages in web/node_modules and no other tool, because the
// bundler is a Go library. The same sources always give the same bytes, so that
// -check stands in for reviewing a bundle.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

func main() {
	root := flag.String("web", "web", "the web folder")
	check := flag.Bool("check", false, "compare with the files on disk instead of writing them")
	flag.Parse()
	run := writeAll
	if *check {
		run = checkAll
	}
	dir, err := filepath.Abs(*root)
	if err == nil {
		err = run(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeAll writes the generated sources below root, the web folder, and then
// dist, which is bundled from them.
func writeAll(root string) error {
	sources, err := generate()
	if err != nil {
		return err
	}
	if err := sources.write(root); err != nil {
		return err
	}
	site, err := build(root)
	if err != nil {
		return err
	}
	dist := filepath.Join(root, "dist")
	if err := site.removeOthers(dist); err != nil {
		return err
	}
	if err := site.write(dist); err != nil {
		return err
	}
	printSizes(site)
	return nil
}

// checkAll returns an error that lists every generated source and every file of
// dist that is missing or differs, and every file of dist that should not exist.
func checkAll(root string) error {
	sources, err := generate()
	if err != nil {
		return err
	}
	differences, err := sources.differences(root)
	if err != nil {
		return err
	}
	site, err := build(root)
	if err != nil {
		return err
	}
	dist := filepath.Join(root, "dist")
	inDist, err := site.differences(dist)
	if err != nil {
		return err
	}
	extra, err := site.others(dist)
	if err != nil {
		return err
	}
	for _, name := range extra {
		inDist = append(inDist, name+" should not exist")
	}
	for _, d := range inDist {
		differences = append(differences, "dist/"+d)
	}
	if len(differences) == 0 {
		return nil
	}
	slices.Sort(differences)
	list := []error{errors.New("build: files below web are out of date: run `go run ./web/build` and commit the result")}
	for _, d := range differences {
		list = append(list, errors.New("  "+d))
	}
	return errors.Join(list...)
}

// build returns the files of dist. It reads the generated sources from disk.
func build(root string) (files, error) {
	site := files{}
	sources, err := bundle(root, site)
	if err != nil {
		return nil, err
	}
	if err := addFonts(root, site); err != nil {
		return nil, err
	}
	if err := addStatic(filepath.Join(root, "app", "static"), site); err != nil {
		return nil, err
	}
	if err := addIcons(site); err != nil {
		return nil, err
	}
	text, err := licences(root, sources)
	if err != nil {
		return nil, err
	}
	return site, site.add("LICENSES.txt", text)
}
