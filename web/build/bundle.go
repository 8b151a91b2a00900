package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// entries are the scripts and styles that the pages name in their HTML. Each
// becomes dist/app/{name}. Code that several entries import becomes a shared
// chunk beside them.
var entries = []string{"app/landing.ts", "app/space.ts", "app/editor.ts", "app/landing.css", "app/space.css"}

// worker is the service worker. It is placed at the root of dist, because a
// service worker controls only pages at or below its own path.
const worker = "sw/push-sw.ts"

// metafile is the part of esbuild's metafile that this program reads.
type metafile struct {
	Inputs  map[string]struct{} `json:"inputs"`
	Outputs map[string]struct {
		EntryPoint string `json:"entryPoint"`
		Imports    []struct {
			Path string `json:"path"`
			Kind string `json:"kind"`
		} `json:"imports"`
	} `json:"outputs"`
}

// bundle adds the scripts and styles to site. It returns the paths, relative to
// root, of all source files that were bundled.
func bundle(root string, site files) (sources []string, err error) {
	options := api.BuildOptions{
		AbsWorkingDir: root, Outdir: filepath.Join(root, "dist"), Outbase: root,
		EntryPoints: entries, Bundle: true, Splitting: true, Format: api.FormatESModule,
		ChunkNames: "app/chunk-[hash]",
		Target:     api.ES2022, Platform: api.PlatformBrowser, Charset: api.CharsetUTF8,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		LegalComments: api.LegalCommentsNone, // LICENSES.txt holds the full texts
		External:      []string{"/fonts/*"},
		Define:        map[string]string{"process.env.NODE_ENV": `"production"`},
		Plugins:       []api.Plugin{inlineStyles(root)},
		TsconfigRaw:   "{}", // the options of the type checker must not change the output
		Metafile:      true, LogLevel: api.LogLevelSilent,
	}
	pages, err := compile(options)
	if err != nil {
		return nil, err
	}
	if err := pages.addTo(site, root); err != nil {
		return nil, err
	}

	options.EntryPoints, options.Outbase = []string{worker}, filepath.Join(root, "sw")
	options.Splitting, options.Format, options.ChunkNames = false, api.FormatIIFE, ""
	sw, err := compile(options)
	if err != nil {
		return nil, err
	}
	return append(pages.sources(), sw.sources()...), sw.addTo(site, root)
}

// output is the result of one run of the bundler.
type output struct {
	files []api.OutputFile
	meta  metafile
}

func compile(options api.BuildOptions) (output, error) {
	result := api.Build(options)
	if len(result.Errors) > 0 {
		text := api.FormatMessages(result.Errors, api.FormatMessagesOptions{})
		return output{}, fmt.Errorf("build: %s", strings.Join(text, ""))
	}
	for _, w := range api.FormatMessages(result.Warnings, api.FormatMessagesOptions{Kind: api.WarningMessage}) {
		fmt.Fprint(os.Stderr, w)
	}
	o := output{files: result.OutputFiles}
	if err := json.Unmarshal([]byte(result.Metafile), &o.meta); err != nil {
		return output{}, fmt.Errorf("build: metafile: %w", err)
	}
	return o, nil
}

func (o output) sources() []string {
	var list []string
	for p := range o.meta.Inputs {
		list = append(list, p)
	}
	return list
}

// addTo adds the output to site under names without hashes. A page can then
// preload a chunk by name, and a change renames only the files it affects.
func (o output) addTo(site files, root string) error {
	names := o.chunkNames()
	var pairs []string
	for from, to := range names {
		pairs = append(pairs, path.Base(from), path.Base(to))
	}
	renamer := strings.NewReplacer(pairs...)
	for _, f := range o.files {
		rel, err := filepath.Rel(filepath.Join(root, "dist"), f.Path)
		if err != nil {
			return fmt.Errorf("build: %w", err)
		}
		name := filepath.ToSlash(rel)
		if to, isChunk := names["dist/"+name]; isChunk {
			name = strings.TrimPrefix(to, "dist/")
		}
		if err := site.add(name, []byte(renamer.Replace(string(f.Contents)))); err != nil {
			return err
		}
	}
	return nil
}

// chunkNames maps esbuild's name of each chunk to a name without a hash. A chunk
// is named after the entries that need it, in alphabetical order:
// shared-editor-space.js. If several chunks have the same entries, the second
// and later ones get a number.
func (o output) chunkNames() map[string]string {
	users := map[string][]string{} // chunk → names of the entries that import it
	var visit func(entry, at string)
	visit = func(entry, at string) {
		for _, i := range o.meta.Outputs[at].Imports {
			if i.Kind != "import-statement" || o.meta.Outputs[i.Path].EntryPoint != "" || slices.Contains(users[i.Path], entry) {
				continue
			}
			users[i.Path] = append(users[i.Path], entry)
			visit(entry, i.Path)
		}
	}
	for name, out := range o.meta.Outputs {
		if out.EntryPoint != "" {
			visit(strings.TrimSuffix(path.Base(name), path.Ext(name)), name)
		}
	}
	chunks := make([]string, 0, len(users))
	for chunk := range users {
		chunks = append(chunks, chunk)
	}
	slices.Sort(chunks)
	names, uses := map[string]string{}, map[string]int{}
	for _, chunk := range chunks {
		if !strings.HasPrefix(path.Base(chunk), "chunk-") {
			continue
		}
		slices.Sort(users[chunk])
		name := "shared-" + strings.Join(users[chunk], "-")
		uses[name]++
		if n := uses[name]; n > 1 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		names[chunk] = path.Dir(chunk) + "/" + name + path.Ext(chunk)
	}
	return names
}
