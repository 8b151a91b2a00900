package main

import (
	"context"
	"fmt"
)

// web checks the types of the TypeScript and runs its unit tests.
func web(ctx context.Context, b *bench) error {
	if err := b.needNode(ctx); err != nil {
		return err
	}
	return b.run(ctx, b.in("web", "npm", "run", "check"))
}

// dist makes sure that what the server embeds is what web/ builds.
func dist(ctx context.Context, b *bench) error {
	if err := b.needNode(ctx); err != nil {
		return err
	}
	return b.run(ctx, b.in(".", "go", "run", "./web/build", "-check"))
}

// browser drives two people in a real browser against the built program.
func browser(ctx context.Context, b *bench) error {
	if err := b.needNode(ctx); err != nil {
		return err
	}
	chromium, err := b.needBrowser(ctx)
	if err != nil {
		return err
	}
	c := b.in("web", "npm", "run", "e2e")
	c.env = []string{"CHROMIUM=" + chromium}
	return b.run(ctx, c)
}

// vectors lets Yjs make random histories and compares what the engine makes of
// them, byte for byte. Without -seed every run has histories of its own; the seed
// that is printed makes them again.
func vectors(ctx context.Context, b *bench) error {
	if err := b.needNode(ctx); err != nil {
		return err
	}
	c := b.in(".", "go", "test", "-count=1", "-v", "-run", "^TestYjsHistories$", "./crdt")
	c.env = []string{"WEFT_HISTORIES=" + fmt.Sprint(b.options.vectors)}
	if b.options.seed != 0 {
		c.env = append(c.env, "WEFT_SEED="+fmt.Sprint(b.options.seed))
	}
	return b.run(ctx, c)
}
