package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// outside lists paths and hosts that exist only on some machines. The strings are
// concatenated so that this file does not violate the rule.
var outside = []string{
	"/" + "work/main", "/" + "work/shared", "/" + "root/", "/tmp" + "/bash",
	"registry." + "npmjs", "registry." + "yarnpkg", "proxy." + "golang.org", "deb." + "debian.org",
}

var texts = append([]string{".md", ".json", ".yml", ".yaml", ".mod", ".sum", ""}, source...)

// Outside finds paths of one machine and host names of package registries: the project must
// work on any machine and with any configured registry. An npm lock file contains no host
// if it was written with omit-lockfile-registry-resolved.
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
				problems = append(problems, Problem{p, line, fmt.Sprintf("names %q, which another machine does not have", word)})
			}
		}
	}
	return problems
}
