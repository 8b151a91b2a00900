package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// topLevel lists the names that are allowed at the root of the repository, besides names
// that begin with a dot.
var topLevel = []string{
	"server", "crdt", "presence", "notify", "web",
	"go.mod", "go.sum", "docker-compose.yml", "README.md", "LICENSE",
}

// Tops checks that the root of the repository has only the names in topLevel.
func Tops(t *Tree) (problems []Problem) {
	var seen []string
	for _, p := range t.Paths {
		top := library(p)
		if strings.HasPrefix(top, ".") || slices.Contains(topLevel, top) || slices.Contains(seen, top) {
			continue
		}
		seen = append(seen, top)
		problems = append(problems, Problem{top, 0, "the root of the repository must not have this: see " + here + "packages.go"})
	}
	return problems
}

// Comments checks that every package has exactly one package comment, which begins with
// "Package NAME". In a package that has only tests, a test file has it.
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
				problems = append(problems, Problem{f.Path, t.line(f.Syntax.Doc.Pos()), "the package comment must begin with Package " + name})
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
