package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// licences returns one text with the licence of every npm package that is part
// of dist. The MIT, BSD and OFL licences require that they are distributed with
// the software. sources are the bundled files, relative to root, the web folder.
func licences(root string, sources []string) ([]byte, error) {
	var packages []string
	for _, s := range sources {
		packages = append(packages, packageFolder(s))
	}
	for _, f := range fonts {
		packages = append(packages, packageFolder(fontPackages+"/"+f.from))
	}
	slices.Sort(packages)

	var text bytes.Buffer
	text.WriteString("What Weft's pages are made of, besides Weft itself, and on which terms.\n")
	for _, dir := range slices.Compact(packages) {
		if dir == "" {
			continue
		}
		if err := writeLicence(&text, filepath.Join(root, dir)); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// packageFolder returns the folder of the npm package that a source file belongs
// to, or "" for Weft's own files.
func packageFolder(source string) string {
	const modules = "node_modules/"
	i := strings.LastIndex(source, modules)
	if i < 0 {
		return ""
	}
	head, rest := source[:i+len(modules)], source[i+len(modules):]
	parts := strings.SplitN(rest, "/", 3)
	if strings.HasPrefix(rest, "@") && len(parts) > 1 {
		return head + parts[0] + "/" + parts[1]
	}
	return head + parts[0]
}

// writeLicence appends the name, version, licence id and licence text of the
// package in dir.
func writeLicence(text *bytes.Buffer, dir string) error {
	var info struct{ Name, Version, License string }
	body, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return fmt.Errorf("build: licence: %w", err)
	}
	if err := json.Unmarshal(body, &info); err != nil {
		return fmt.Errorf("build: licence: %s: %w", dir, err)
	}
	if info.License == "" {
		return fmt.Errorf("build: licence: package.json of %s has no field \"license\"", info.Name)
	}
	fmt.Fprintf(text, "\n%s\n%s %s (%s)\n\n", strings.Repeat("=", 72), info.Name, info.Version, info.License)
	for _, name := range []string{"LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "license"} {
		body, err := os.ReadFile(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("build: licence: %w", err)
		}
		text.Write(bytes.ReplaceAll(bytes.TrimSpace(body), []byte("\r\n"), []byte("\n")))
		text.WriteByte('\n')
		return nil
	}
	text.WriteString("(the package carries no licence text)\n")
	return nil
}
