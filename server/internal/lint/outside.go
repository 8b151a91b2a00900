package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// outside lists what is true on one machine only. The words are put together
// here so that this file does not break its own rule.
var outside = []string{
	"/" + "work/main", "/" + "work/shared", "/" + "root/", "/tmp" + "/bash",
	"registry." + "npmjs", "registry." + "yarnpkg", "proxy." + "golang.org", "deb." + "debian.org",
}

var texts = append([]string{".md", ".json", ".yml", ".yaml", ".mod", ".sum", ""}, source...)

// Outside finds paths of one machine and hosts of package registries: the
// project runs anywhere, with whatever registry its user has set up. An npm
// lock file has none when it was written with omit-lockfile-registry-resolved.
func Outside(t *Tree) (problems []Problem) {
	for _, p := range t.Paths {
		if !slices.Contains(texts, path.Ext(p)) {
			continue
		}
		data, err := fs.ReadFile(t.Files, p)
		if err != nil {
			problems = append(problems, Problem{p, 0, err.Error()})
			continue
		}
		for _, word := range outside {
			if i := bytes.Index(data, []byte(word)); i >= 0 {
				line := 1 + strings.Count(string(data[:i]), "\n")
				problems = append(problems, Problem{p, line, fmt.Sprintf("names %q, which is not so on another machine", word)})
			}
		}
	}
	return problems
}
