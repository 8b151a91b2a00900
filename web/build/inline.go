package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// inlineStyles lets TypeScript import a style sheet as a string:
//
//	import text from './base.css?inline'
//
// Shadow roots need their styles as text, while pages link the same file. The
// text is bundled, because a sheet that is made from a string may not use
// @import. The suffix means the same to Vite, and so to the unit tests.
func inlineStyles(root string) api.Plugin {
	const suffix, namespace = "?inline", "inline-styles"
	return api.Plugin{Name: namespace, Setup: func(b api.PluginBuild) {
		b.OnResolve(api.OnResolveOptions{Filter: `\.css\?inline$`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{
				Path:      filepath.Join(args.ResolveDir, strings.TrimSuffix(args.Path, suffix)),
				Namespace: namespace,
			}, nil
		})
		b.OnLoad(api.OnLoadOptions{Filter: ".*", Namespace: namespace}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			result := api.Build(api.BuildOptions{
				AbsWorkingDir: root, EntryPoints: []string{args.Path}, Outdir: root, Bundle: true,
				Target: api.ES2022, Charset: api.CharsetUTF8,
				MinifyWhitespace: true, MinifySyntax: true,
				LogLevel: api.LogLevelSilent,
			})
			if len(result.Errors) > 0 {
				return api.OnLoadResult{Errors: result.Errors}, nil
			}
			if n := len(result.OutputFiles); n != 1 {
				return api.OnLoadResult{}, fmt.Errorf("build: %s: bundled to %d files, want 1", args.Path, n)
			}
			text := strings.TrimSpace(string(result.OutputFiles[0].Contents))
			return api.OnLoadResult{Contents: &text, Loader: api.LoaderText}, nil
		})
	}}
}
