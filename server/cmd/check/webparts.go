package main

import (
	"context"
	"fmt"
)

// web type-checks the TypeScript and runs its unit tests.
func web(ctx context.Context, w *workspace) error {
	if err := w.needNode(ctx); err != nil {
		return err
	}
	return w.run(ctx, w.in("web", "npm", "run", "check"))
}

// dist fails if web/dist differs from what web/build builds now.
func dist(ctx context.Context, w *workspace) error {
	if err := w.needNode(ctx); err != nil {
		return err
	}
	return w.run(ctx, w.in(".", "go", "run", "./web/build", "-check"))
}

// browser runs the end-to-end tests in a real browser against the built program.
func browser(ctx context.Context, w *workspace) error {
	if err := w.needNode(ctx); err != nil {
		return err
	}
	chromium, err := w.needBrowser(ctx)
	if err != nil {
		return err
	}
	c := w.in("web", "npm", "run", "e2e")
	c.env = []string{"CHROMIUM=" + chromium}
	return w.run(ctx, c)
}

// vectors makes random histories with Yjs and compares the engine's results with those of
// Yjs, byte for byte. Without -seed every run has new histories; the printed seed repeats
// them.
func vectors(ctx context.Context, w *workspace) error {
	if err := w.needNode(ctx); err != nil {
		return err
	}
	c := w.in(".", "go", "test", "-count=1", "-v", "-run", "^TestYjsHistories$", "./crdt")
	c.env = []string{"WEFT_HISTORIES=" + fmt.Sprint(w.options.vectors)}
	if w.options.seed != 0 {
		c.env = append(c.env, "WEFT_SEED="+fmt.Sprint(w.options.seed))
	}
	return w.run(ctx, c)
}
