package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// topLevel is what may lie at the root of the repository, beside names that
// begin with a dot.
var topLevel = []string{
	"server", "crdt", "presence", "notify", "web",
	"go.mod", "go.sum", "docker-compose.yml", "README.md", "LICENSE",
}

// Tops checks that nothing unknown lies at the root.
func Tops(t *Tree) (problems []Problem) {
	var seen []string
	for _, p := range t.Paths {
		top := library(p)
		if strings.HasPrefix(top, ".") || slices.Contains(topLevel, top) || slices.Contains(seen, top) {
			continue
		}
		seen = append(seen, top)
		problems = append(problems, Problem{top, 0, "the root of the repository has no place for this: see " + here + "packages.go"})
	}
	return problems
}

// Comments checks that every package has exactly one package comment, and that
// it begins as Go's do. In a package of tests alone a test file carries it.
func Comments(t *Tree) (problems []Problem) {
	dirs := map[string][]*GoFile{}
	for _, f := range t.Go {
		dirs[f.Dir] = append(dirs[f.Dir], f)
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		files := slices.DeleteFunc(slices.Clone(dirs[dir]), func(f *GoFile) bool { return f.Test })
		if len(files) == 0 {
			files = dirs[dir]
		}
		var with []string
		for _, f := range files {
			text := f.Syntax.Doc.Text()
			if text == "" {
				continue
			}
			with = append(with, f.Path)
			name := f.Syntax.Name.Name
			if name != "main" && !strings.HasPrefix(text, "Package "+name+" ") {
				problems = append(problems, Problem{f.Path, t.line(f.Syntax.Doc.Pos()), "the package comment begins with Package " + name})
			}
		}
		switch len(with) {
		case 1:
		case 0:
			problems = append(problems, Problem{dir, 0, "the package has no package comment"})
		default:
			problems = append(problems, Problem{dir, 0, fmt.Sprintf("the package has %d package comments: %s", len(with), strings.Join(with, ", "))})
		}
	}
	return problems
}
