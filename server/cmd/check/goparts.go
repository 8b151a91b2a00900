package main

import (
	"bytes"
	"context"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func (w *workspace) path(elem ...string) string {
	return filepath.Join(append([]string{w.root}, elem...)...)
}

// gofmt fails if a Go file is not formatted as gofmt formats it.
func gofmt(ctx context.Context, w *workspace) error {
	var bad []string
	count := 0
	err := filepath.WalkDir(w.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return ctx.Err()
		}
		count++
		source, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		if formatted, err := format.Source(source); err != nil || !bytes.Equal(formatted, source) {
			name, _ := filepath.Rel(w.root, p)
			bad = append(bad, name)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("gofmt -w %s", strings.Join(bad, " "))
	}
	fmt.Fprintf(w.out, "%d files are formatted\n", count)
	return nil
}

func vet(ctx context.Context, w *workspace) error {
	return w.run(ctx, w.in(".", "go", "vet", "./..."))
}

// staticcheck runs the version in go.mod.
func staticcheck(ctx context.Context, w *workspace) error {
	return w.run(ctx, w.in(".", "go", "tool", "staticcheck", "./..."))
}

// tests runs all Go tests. They include the lint rules and the tests of the built program.
func tests(ctx context.Context, w *workspace) error {
	if w.options.quick {
		return w.run(ctx, w.in(".", "go", "test", "./..."))
	}
	if err := w.needRace(ctx); err != nil {
		return err
	}
	if err := w.needRedis(ctx); err != nil {
		return err
	}
	return w.run(ctx, w.in(".", "go", "test", "-race", "-timeout", "15m", "./..."))
}

// crash runs the kill -9 tests with many rounds at full speed.
func crash(ctx context.Context, w *workspace) error {
	c := w.in(".", "go", "test", "-count=1", "-v", "-timeout", "20m", "-run", "^(TestKillLosesNothingAcked|TestChatIsALog)$", "./server/e2e")
	c.env = []string{fmt.Sprintf("WEFT_CRASH_ROUNDS=%d", w.options.crash)}
	return w.run(ctx, c)
}

// hostile sends malformed and mutated frames through every door.
func hostile(ctx context.Context, w *workspace) error {
	c := w.in(".", "go", "test", "-count=1", "-v", "-timeout", "20m", "-run", "^TestHostileFrames$", "./server")
	c.env = []string{fmt.Sprintf("WEFT_HOSTILE=%d", w.options.hostile)}
	return w.run(ctx, c)
}

// pollerOff runs the tests of the transport again with --poller off: then every frame
// passes through Melody, as on systems without epoll. With -e2e=false the stock clients are
// left out.
func pollerOff(ctx context.Context, w *workspace) error {
	env := []string{"WEFT_POLLER=off"}
	c := w.in(".", "go", "test", "-count=1", "-timeout", "15m", "./server", "./server/ws/...", "./server/room/...")
	c.env = env
	if err := w.run(ctx, c); err != nil || !w.options.e2e {
		return err
	}
	if err := w.needNode(ctx); err != nil {
		return err
	}
	c = w.in("web", "npm", "run", "e2e")
	c.env = append(env, "WEFT_E2E=stock,hocuspocus")
	return w.run(ctx, c)
}
