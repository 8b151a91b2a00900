package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// absent lists paths that documents may name although the repository does not contain them.
var absent = []string{"weft-data", "web/node_modules"}

var (
	// The target of a link or picture, without its fragment.
	linked = regexp.MustCompile(`\]\(([^)#\s]+)`)
	quoted = regexp.MustCompile("`([^`\n]+)`")
	// A path: segments of letters, digits and "_.-*", optionally with a line number.
	pathLike = regexp.MustCompile(`^(\./|\.\./)?\.?[A-Za-z0-9_*][A-Za-z0-9_.*-]*(/[A-Za-z0-9_.*-]+)*/?(:\d+(-\d+)?)?$`)
	lineTail = regexp.MustCompile(`:\d+(-\d+)?$`)
)

// Documents checks that the paths in .md files exist. A path is one of these:
//
//   - in backticks, beginning with a top-level folder, or with ./ (also inside a command),
//   - in backticks, the bare name of a Go or Markdown file,
//   - the target of a link or picture within the repository.
//
// Paths may be relative to the root or to the document's folder.
func Documents(t *Tree) (problems []Problem) {
	for _, doc := range t.Paths {
		if path.Ext(doc) != ".md" {
			continue
		}
		text, err := fs.ReadFile(t.Files, doc)
		if err != nil {
			problems = append(problems, Problem{doc, 0, err.Error()})
			continue
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			var names []string
			for _, m := range quoted.FindAllSubmatch(line, -1) {
				names = append(names, named(string(m[1]))...)
			}
			for _, m := range linked.FindAllSubmatch(line, -1) {
				if target := string(m[1]); !strings.Contains(target, ":") {
					names = append(names, target)
				}
			}
			for _, name := range names {
				if !t.has(path.Dir(doc), name) {
					problems = append(problems, Problem{doc, i + 1, fmt.Sprintf("names %s, which does not exist", name)})
				}
			}
		}
	}
	return problems
}

// named returns the repository paths in a text between backticks.
func named(text string) (paths []string) {
	words := strings.Fields(text)
	for _, w := range words {
		if !pathLike.MatchString(w) || strings.HasSuffix(w, "...") && w == "./..." {
			continue
		}
		w = lineTail.ReplaceAllString(w, "")
		switch {
		case strings.HasPrefix(w, "./"), strings.HasPrefix(w, "../"):
		case len(words) > 1:
			continue // an argument of a command need not be a path
		case strings.Contains(w, "/") && slices.Contains(topLevel, library(w)):
		case strings.HasPrefix(w, ".ci/"):
		case !strings.Contains(w, "/") && (strings.HasSuffix(w, ".go") || strings.HasSuffix(w, ".md")) && !strings.HasPrefix(w, "."):
		default:
			continue
		}
		paths = append(paths, strings.TrimSuffix(strings.TrimSuffix(w, "..."), "/"))
	}
	return paths
}

// has reports whether the tree has the path, which may be a glob pattern, relative to its
// root or to dir.
func (t *Tree) has(dir, name string) bool {
	for _, base := range []string{".", dir} {
		p := path.Join(base, name)
		if slices.ContainsFunc(absent, func(a string) bool { return within(p, a) }) {
			return true
		}
		if !fs.ValidPath(p) {
			continue
		}
		if found, err := fs.Glob(t.Files, p); err == nil && len(found) > 0 {
			return true
		}
	}
	return false
}
