package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// entries are the files a page names. Each becomes dist/app/{name}; what
// several need goes to shared chunks beside them.
var entries = []string{"app/landing.ts", "app/space.ts", "app/editor.ts", "app/landing.css", "app/space.css"}

// worker stands at the root of dist because a service worker rules only what
// lies below it.
const worker = "sw/push-sw.ts"

// manifest is the part of esbuild's metafile that is used here.
type manifest struct {
	Inputs  map[string]struct{} `json:"inputs"`
	Outputs map[string]struct {
		EntryPoint string `json:"entryPoint"`
		Imports    []struct {
			Path string `json:"path"`
			Kind string `json:"kind"`
		} `json:"imports"`
	} `json:"outputs"`
}

// bundle adds the scripts and styles to made and returns the paths, relative
// to root, of all sources that went into them.
func bundle(root string, made site) (sources []string, err error) {
	options := api.BuildOptions{
		AbsWorkingDir: root, Outdir: filepath.Join(root, "dist"), Outbase: root,
		EntryPoints: entries, Bundle: true, Splitting: true, Format: api.FormatESModule,
		ChunkNames: "app/chunk-[hash]",
		Target:     api.ES2022, Platform: api.PlatformBrowser, Charset: api.CharsetUTF8,
		MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		LegalComments: api.LegalCommentsNone, // LICENSES.txt holds them whole
		External:      []string{"/fonts/*"},
		Define:        map[string]string{"process.env.NODE_ENV": `"production"`},
		TsconfigRaw:   "{}", // what a checker is told must not change the bytes
		Metafile:      true, LogLevel: api.LogLevelSilent,
	}
	pages, err := compile(options)
	if err != nil {
		return nil, err
	}
	if err := pages.place(root, made); err != nil {
		return nil, err
	}
	sources = pages.sources()

	options.EntryPoints, options.Outbase = []string{worker}, filepath.Join(root, "sw")
	options.Splitting, options.Format, options.ChunkNames = false, api.FormatIIFE, ""
	sw, err := compile(options)
	if err != nil {
		return nil, err
	}
	return append(sources, sw.sources()...), sw.place(root, made)
}

// output is one run of the bundler.
type output struct {
	files []api.OutputFile
	about manifest
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
	if err := json.Unmarshal([]byte(result.Metafile), &o.about); err != nil {
		return output{}, fmt.Errorf("build: metafile: %w", err)
	}
	return o, nil
}

func (o output) sources() []string {
	var list []string
	for p := range o.about.Inputs {
		list = append(list, p)
	}
	return list
}

// place adds the files under names without hashes, so that a page can preload
// a chunk by name and a change does not rename what it did not touch.
func (o output) place(root string, made site) error {
	names := o.chunkNames()
	var swaps []string
	for from, to := range names {
		swaps = append(swaps, path.Base(from), path.Base(to))
	}
	rename := strings.NewReplacer(swaps...)
	for _, f := range o.files {
		rel, err := filepath.Rel(filepath.Join(root, "dist"), f.Path)
		if err != nil {
			return fmt.Errorf("build: %w", err)
		}
		name := filepath.ToSlash(rel)
		if to, chunk := names["dist/"+name]; chunk {
			name = strings.TrimPrefix(to, "dist/")
		}
		if err := made.add(name, []byte(rename.Replace(string(f.Contents)))); err != nil {
			return err
		}
	}
	return nil
}

// chunkNames calls a chunk after the entries that need it, in the order of
// their names: shared-editor-space.js.
func (o output) chunkNames() map[string]string {
	users := map[string][]string{} // chunk → entries
	var visit func(entry, at string)
	visit = func(entry, at string) {
		for _, i := range o.about.Outputs[at].Imports {
			if i.Kind != "import-statement" || o.about.Outputs[i.Path].EntryPoint != "" || slices.Contains(users[i.Path], entry) {
				continue
			}
			users[i.Path] = append(users[i.Path], entry)
			visit(entry, i.Path)
		}
	}
	for name, out := range o.about.Outputs {
		if out.EntryPoint != "" {
			visit(strings.TrimSuffix(path.Base(name), path.Ext(name)), name)
		}
	}
	chunks := make([]string, 0, len(users))
	for chunk := range users {
		chunks = append(chunks, chunk)
	}
	slices.Sort(chunks)
	names, taken := map[string]string{}, map[string]int{}
	for _, chunk := range chunks {
		if !strings.HasPrefix(path.Base(chunk), "chunk-") {
			continue
		}
		slices.Sort(users[chunk])
		name := "shared-" + strings.Join(users[chunk], "-")
		taken[name]++
		if n := taken[name]; n > 1 {
			name = fmt.Sprintf("%s-%d", name, n)
		}
		names[chunk] = path.Dir(chunk) + "/" + name + path.Ext(chunk)
	}
	return names
}

// report prints what each script and style weighs on the wire.
func report(made site) {
	var names []string
	for name := range made {
		if ext := path.Ext(name); ext == ".js" || ext == ".css" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Printf("%8.1f kB gz  %s\n", float64(zipped(made[name]))/1000, name)
	}
}

func zipped(body []byte) int {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(body); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Len()
}
