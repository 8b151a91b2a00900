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

// licences writes one text with the licence of every npm package that put
// something into dist: MIT, BSD and OFL all ask to be passed on.
func licences(root string, sources []string) ([]byte, error) {
	var packages []string
	for _, s := range sources {
		packages = append(packages, packageOf(s))
	}
	for _, f := range fonts {
		packages = append(packages, packageOf(fontPackages+"/"+f.from))
	}
	slices.Sort(packages)

	var text bytes.Buffer
	text.WriteString("What Weft's pages are made of, besides Weft itself, and on which terms.\n")
	for _, dir := range slices.Compact(packages) {
		if dir == "" {
			continue
		}
		if err := licence(&text, filepath.Join(root, dir)); err != nil {
			return nil, err
		}
	}
	return text.Bytes(), nil
}

// packageOf returns the folder of the npm package that a source belongs to, or
// nothing for our own.
func packageOf(source string) string {
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

func licence(text *bytes.Buffer, dir string) error {
	var about struct{ Name, Version, License string }
	body, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if err != nil {
		return fmt.Errorf("build: licence: %w", err)
	}
	if err := json.Unmarshal(body, &about); err != nil {
		return fmt.Errorf("build: licence: %s: %w", dir, err)
	}
	if about.License == "" {
		return fmt.Errorf("build: licence: %s names none", about.Name)
	}
	fmt.Fprintf(text, "\n%s\n%s %s (%s)\n\n", strings.Repeat("=", 72), about.Name, about.Version, about.License)
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
