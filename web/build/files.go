package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// files holds the contents of files by their path below some folder, with
// slashes.
type files map[string][]byte

// add returns an error if the path is taken: one of the two files would be lost.
func (f files) add(path string, body []byte) error {
	if _, taken := f[path]; taken {
		return fmt.Errorf("build: %s would be written twice", path)
	}
	f[path] = body
	return nil
}

// write writes the files below dir. It does not touch a file that has the right
// contents already, so that the caches of other tools stay valid.
func (f files) write(dir string) error {
	for path, body := range f {
		target := filepath.Join(dir, filepath.FromSlash(path))
		if old, err := os.ReadFile(target); err == nil && bytes.Equal(old, body) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("build: %w", err)
		}
		if err := os.WriteFile(target, body, 0o644); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	return nil
}

// differences lists the files that are missing below dir or have other contents
// there, as phrases for a person.
func (f files) differences(dir string) ([]string, error) {
	var list []string
	for path, body := range f {
		old, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(path)))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			list = append(list, path+" is missing")
		case err != nil:
			return nil, fmt.Errorf("build: %w", err)
		case !bytes.Equal(old, body):
			list = append(list, path+" differs")
		}
	}
	slices.Sort(list)
	return list, nil
}

// others lists the paths of files that exist below dir but are not in f.
func (f files) others(dir string) ([]string, error) {
	existing, err := readFolder(dir)
	if err != nil {
		return nil, err
	}
	var list []string
	for path := range existing {
		if _, wanted := f[path]; !wanted {
			list = append(list, path)
		}
	}
	slices.Sort(list)
	return list, nil
}

// removeOthers deletes the files below dir that are not in f.
func (f files) removeOthers(dir string) error {
	list, err := f.others(dir)
	if err != nil {
		return err
	}
	for _, path := range list {
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(path))); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
	return nil
}

// readFolder reads all files below dir. A folder that does not exist counts as
// empty.
func readFolder(dir string) (files, error) {
	found := files{}
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
		found[filepath.ToSlash(rel)] = body
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	return found, nil
}
