// Package lint has the project's rules as functions, which a test runs over the
// repository: which package may import which, how long files may be, that paths in
// documents exist, and others.
//
// The rules parse the files in process. A test that ran the go command instead would
// return cached results: go test caches a result until a file that the test opened
// changes, and it does not see which files a child process opens.
package lint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Module is the module path: imports of the project's own packages begin with it.
const Module = "weft"

// A Problem is a violation of a rule. Line is 0 if it concerns the whole file or folder.
type Problem struct {
	Path string // from the root of the repository, with slashes
	Line int
	Text string
}

// String returns "path:line: text".
func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.Path, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Text)
}

// A Tree is the repository on disk, without installed and generated files: .git,
// node_modules, web/dist and the program's data.
type Tree struct {
	Files fs.FS
	// Paths of all files, sorted.
	Paths []string
	// Go files, in the order of their paths.
	Go []*GoFile

	set *token.FileSet
}

// A GoFile is one parsed file.
type GoFile struct {
	Path   string // server/room/hub.go
	Dir    string // server/room, or "." for the root
	Test   bool
	Source []byte
	Syntax *ast.File
}

// excluded lists folders that are not part of the source. Folders called testdata are part
// of it, but their Go files are not parsed, as the go command does not build them.
var excluded = []string{".git", "node_modules", "web/dist", "web/e2e/results", "weft-data"}

// Read reads the tree under root. It fails if a Go file doesn't parse.
func Read(root fs.FS) (*Tree, error) {
	t := &Tree{Files: root, set: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(excluded, p) || slices.Contains(excluded, path.Base(p)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Base(p) == "node_modules" { // a link to one installed elsewhere
			return nil
		}
		t.Paths = append(t.Paths, p)
		if !strings.HasSuffix(p, ".go") || strings.Contains("/"+p, "/testdata/") {
			return nil
		}
		return t.parse(p)
	})
	if err != nil {
		return nil, fmt.Errorf("lint: read: %w", err)
	}
	return t, nil
}

func (t *Tree) parse(p string) error {
	source, err := fs.ReadFile(t.Files, p)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(t.set, p, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	t.Go = append(t.Go, &GoFile{
		Path: p, Dir: path.Dir(p), Test: strings.HasSuffix(p, "_test.go"),
		Source: source, Syntax: syntax,
	})
	return nil
}

func (t *Tree) line(pos token.Pos) int { return t.set.Position(pos).Line }

// imports yields the import paths of the file with their positions.
func (f *GoFile) imports(yield func(path string, pos token.Pos) bool) {
	for _, spec := range f.Syntax.Imports {
		if !yield(strings.Trim(spec.Path.Value, "`\""), spec.Pos()) {
			return
		}
	}
}

// uses returns the positions at which the file refers to one of the names of a package.
func (f *GoFile) uses(importPath string, names ...string) (at []token.Pos) {
	pkg := f.localName(importPath)
	if pkg == "" {
		return nil
	}
	ast.Inspect(f.Syntax, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(names, sel.Sel.Name) {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == pkg {
			at = append(at, sel.Pos())
		}
		return true
	})
	return at
}

// localName returns the name under which the file imports the package; empty: it does not
// import it.
func (f *GoFile) localName(importPath string) string {
	for _, spec := range f.Syntax.Imports {
		if strings.Trim(spec.Path.Value, "`\"") != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}

// own returns the repository folder of an import path; ok is false if the package belongs to
// another module.
func own(importPath string) (dir string, ok bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}
