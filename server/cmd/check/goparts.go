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

func (b *bench) path(elem ...string) string {
	return filepath.Join(append([]string{b.root}, elem...)...)
}

// gofmt compares every Go file with how gofmt would have it.
func gofmt(ctx context.Context, b *bench) error {
	var bad []string
	count := 0
	err := filepath.WalkDir(b.root, func(p string, d fs.DirEntry, err error) error {
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
			name, _ := filepath.Rel(b.root, p)
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
	fmt.Fprintf(b.out, "%d files are formatted\n", count)
	return nil
}

func vet(ctx context.Context, b *bench) error {
	return b.run(ctx, b.in(".", "go", "vet", "./..."))
}

// staticcheck runs the version that go.mod pins.
func staticcheck(ctx context.Context, b *bench) error {
	return b.run(ctx, b.in(".", "go", "tool", "staticcheck", "./..."))
}

// tests runs the Go tests, the rules of the house and those of the built
// program among them.
func tests(ctx context.Context, b *bench) error {
	if b.options.quick {
		return b.run(ctx, b.in(".", "go", "test", "./..."))
	}
	if err := b.needRace(ctx); err != nil {
		return err
	}
	if err := b.needRedis(ctx); err != nil {
		return err
	}
	return b.run(ctx, b.in(".", "go", "test", "-race", "-timeout", "15m", "./..."))
}

// crash kills the program again and again, this time at full speed.
func crash(ctx context.Context, b *bench) error {
	c := b.in(".", "go", "test", "-count=1", "-v", "-timeout", "20m", "-run", "^(TestKillLosesNothingAcked|TestChatIsALog)$", "./server/e2e")
	c.env = []string{fmt.Sprintf("WEFT_CRASH_ROUNDS=%d", b.options.crash)}
	return b.run(ctx, c)
}

// hostile sends damaged frames through every door.
func hostile(ctx context.Context, b *bench) error {
	c := b.in(".", "go", "test", "-count=1", "-v", "-timeout", "20m", "-run", "^TestHostileFrames$", "./server")
	c.env = []string{fmt.Sprintf("WEFT_HOSTILE=%d", b.options.hostile)}
	return b.run(ctx, c)
}
