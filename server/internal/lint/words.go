package lint

import (
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
)

// words lists expressions that the project's texts do not use, each with the field's own
// term. GLOSSARY.md has the others.
var words = []struct {
	not *regexp.Regexp
	but string
}{
	{regexp.MustCompile(`(?i)\bpass(ed|es) over\b`), "ignored, skipped"},
	{regexp.MustCompile(`(?i)\b(runs?|ran|running) out\b`), "expires, expired"},
	{regexp.MustCompile(`(?i)\b(come|came) back\b`), "reconnect, return"},
	{regexp.MustCompile(`(?i)\bunder way\b`), "in progress, in flight"},
	{regexp.MustCompile(`(^|[.,;:(*/]\s+|\b(and|or|by|of|to|for|with|from|that|as|if|when|on)\s+)[Ww]ho (comes|goes|waits|asks|came|left|leaves|follows|looks|works)\b`), "the client, the caller, the peer, the person"},
	{regexp.MustCompile(`\b[Ww]hat (comes|waits|goes)\b`), "the update, the frame, the message"},
	{regexp.MustCompile(`(?i)\bknows nothing of\b`), "does not import, does not use"},
}

// prose are the files whose whole text is checked; of source files only comments are.
var prose = []string{".md", ".yaml"}

// Words finds expressions that make a reader guess: in documents, and in the comments of
// Go and TypeScript files. Strings are not checked: a test may quote a user's text.
func Words(t *Tree) (problems []Problem) {
	for _, f := range t.Go {
		for _, group := range f.Syntax.Comments {
			for _, c := range group.List {
				problems = append(problems, findWords(f.Path, t.line(c.Pos()), c.Text)...)
			}
		}
	}
	for _, p := range t.Paths {
		inProse := slices.Contains(prose, path.Ext(p))
		if !inProse && path.Ext(p) != ".ts" && path.Ext(p) != ".mjs" {
			continue
		}
		data, err := fs.ReadFile(t.Files, p)
		if err != nil {
			problems = append(problems, Problem{p, 0, err.Error()})
			continue
		}
		for i, line := range strings.Split(string(data), "\n") {
			if !inProse {
				line = comment(line)
			}
			problems = append(problems, findWords(p, i+1, line)...)
		}
	}
	return problems
}

// comment returns the comment of a line of TypeScript, as far as one line shows it: from
// // or /* on, or the whole line if it begins with an asterisk.
func comment(line string) string {
	if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "*") {
		return trimmed
	}
	for _, begin := range []string{"// ", "/*"} {
		if _, after, ok := strings.Cut(line, begin); ok {
			return after
		}
	}
	return ""
}

// findWords returns a problem for each expression in text, which begins at the line.
func findWords(file string, line int, text string) (problems []Problem) {
	for _, w := range words {
		if at := w.not.FindStringIndex(text); at != nil {
			problems = append(problems, Problem{
				file, line + strings.Count(text[:at[0]], "\n"),
				fmt.Sprintf("says %q: write the noun or the field's term (%s)", text[at[0]:at[1]], w.but),
			})
		}
	}
	return problems
}
