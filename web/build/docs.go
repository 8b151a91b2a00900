package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// docs holds the comments of Go structs, for the TypeScript made from them.
type docs struct {
	types  map[string]string // by folder and type: "server/event.Typing"
	fields map[string]string // by folder, type and field: "server/event.Typing.Users"
}

// readDocs reads the comments of the structs in some folders of the module.
func readDocs(folders ...string) (docs, error) {
	d := docs{map[string]string{}, map[string]string{}}
	root, err := moduleRoot()
	if err != nil {
		return d, err
	}
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(folder), "*.go"))
		if err != nil || len(paths) == 0 {
			return d, fmt.Errorf("build: no Go files in %s: %w", folder, err)
		}
		for _, path := range paths {
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return d, fmt.Errorf("build: %w", err)
			}
			d.add(folder, file)
		}
	}
	return d, nil
}

func (d docs) add(folder string, file *ast.File) {
	for _, decl := range file.Decls {
		general, ok := decl.(*ast.GenDecl)
		if !ok || general.Tok != token.TYPE {
			continue
		}
		for _, spec := range general.Specs {
			t := spec.(*ast.TypeSpec)
			s, ok := t.Type.(*ast.StructType)
			if !ok {
				continue
			}
			key := folder + "." + t.Name.Name
			d.types[key] = general.Doc.Text()
			for _, f := range s.Fields.List {
				text := strings.TrimSpace(f.Doc.Text() + f.Comment.Text())
				for _, name := range f.Names {
					d.fields[key+"."+name.Name] = text
				}
			}
		}
	}
}

// moduleRoot returns the folder of go.mod, above the working folder.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("build: %w", err)
	}
	for {
		_, err := os.Stat(filepath.Join(dir, "go.mod"))
		if err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if !errors.Is(err, fs.ErrNotExist) || parent == dir {
			return "", errors.New("build: go.mod not found above the working folder")
		}
		dir = parent
	}
}
