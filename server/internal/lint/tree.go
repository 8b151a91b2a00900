// Package lint holds the rules of the house as functions that a test runs over
// the repository: which package may import which, what a file may look like,
// and that the documents tell the truth about paths.
//
// The files are parsed in process. A test that asked the go command instead
// would be cached: go test remembers a result until a file that the test opened
// changes, and it can't see what a child process opens.
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

// Module is the module's path, with which the imports of its own packages begin.
const Module = "weft"

// A Problem is one breach of a rule. Line is 0 if it concerns the whole file or
// folder.
type Problem struct {
	Path string // from the root of the repository, with slashes
	Line int
	Text string
}

func (p Problem) String() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.Path, p.Text)
	}
	return fmt.Sprintf("%s:%d: %s", p.Path, p.Line, p.Text)
}

// A Tree is the repository as it lies on the disk, less what is installed or
// made: .git, node_modules, web/dist and the program's data.
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

// made names the folders that are no part of the source. A folder called
// testdata belongs to the tree, but the go command ignores the Go files in it.
var made = []string{".git", "node_modules", "web/dist", "web/e2e/results", "weft-data"}

// Read reads the tree under root. It fails if a Go file doesn't parse.
func Read(root fs.FS) (*Tree, error) {
	t := &Tree{Files: root, set: token.NewFileSet()}
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if slices.Contains(made, p) || slices.Contains(made, path.Base(p)) {
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

// imports lists the paths that the file imports, with where it does.
func (f *GoFile) imports(yield func(path string, pos token.Pos) bool) {
	for _, spec := range f.Syntax.Imports {
		if !yield(strings.Trim(spec.Path.Value, "`\""), spec.Pos()) {
			return
		}
	}
}

// uses finds where the file names one of the functions of a package.
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

// localName is what the file calls the package, or nothing if it does not
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

// own turns an import path into a folder of the repository; ok is false for
// packages of others.
func own(importPath string) (dir string, ok bool) {
	if importPath == Module {
		return ".", true
	}
	return strings.CutPrefix(importPath, Module+"/")
}
