package lint

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Lengths of source files in lines.
const (
	longish = 500 // a warning: split the file soon
	tooLong = 600 // beyond this the rule fails
)

// long lists the files that may be longer than tooLong, with the reason.
var long = map[string]string{}

var source = []string{".go", ".ts", ".tsx", ".js", ".mjs", ".css", ".html", ".sql", ".lua", ".sh"}

// Lengths finds source files that are too long. The warnings list files that are longish.
func Lengths(t *Tree) (problems, warnings []Problem) {
	named := map[string]bool{}
	for _, p := range t.Paths {
		if !slices.Contains(source, path.Ext(p)) || strings.Contains("/"+p, "/testdata/") {
			continue
		}
		data, err := fs.ReadFile(t.Files, p)
		if err != nil {
			problems = append(problems, Problem{p, 0, err.Error()})
			continue
		}
		n := bytes.Count(data, []byte("\n"))
		_, excused := long[p]
		named[p] = excused && n > tooLong
		switch {
		case excused:
		case n > tooLong:
			problems = append(problems, Problem{p, 0, fmt.Sprintf("%d lines, the limit is %d: split it", n, tooLong)})
		case n >= longish:
			warnings = append(warnings, Problem{p, 0, fmt.Sprintf("%d lines", n)})
		}
	}
	return append(problems, stale(long, named, "is not too long any more")...), warnings
}

// stale finds exceptions that are not needed any more.
func stale(excuses map[string]string, needed map[string]bool, why string) (problems []Problem) {
	for p := range excuses {
		if !needed[p] {
			problems = append(problems, Problem{p, 0, "this file has an exception in " + here + " and " + why})
		}
	}
	return problems
}
