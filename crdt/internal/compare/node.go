package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// packages are the npm packages that are compared.
var packages = []string{"yjs@13.6.33", "ywasm@0.18.3"}

//go:embed peer.mjs
var peer []byte

// install installs the npm packages and peer.mjs, which measures them, into dir.
func install(ctx context.Context, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "peer.mjs"), peer, 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "npm", append([]string{"install", "--no-audit", "--no-fund"}, packages...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm install: %w\n%s", err, out)
	}
	return nil
}

// A result is the output of one process.
type result struct {
	Samples []float64 `json:"samples"` // wall-clock time in ms, or bytes
	CPU     []float64 `json:"cpu"`     // CPU time in ms, of all threads
	Bytes   int       `json:"bytes"`   // size of the call's output, if known
	GC      *gcCost   `json:"gc,omitempty"`
}

// measure runs one case of one library in a process of its own.
func measure(ctx context.Context, o options, c benchCase, lib string) (r result, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	arg := c.arg
	if c.name == heapCase {
		arg = documents(lib)
	}
	budget := strconv.FormatInt(o.budget.Milliseconds(), 10)
	argv := []string{"node", "--expose-gc", "--max-old-space-size=8192", "peer.mjs", lib, c.does, o.dir, budget, arg}
	if lib == weft {
		self, err := os.Executable()
		if err != nil {
			return r, err
		}
		argv = []string{self, "-child", c.does, o.dir, budget, arg}
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = o.dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return r, fmt.Errorf("%w\n%s", err, stderr.Bytes())
	}
	return r, json.Unmarshal(stdout.Bytes(), &r)
}

func nodeVersion() string {
	out, err := exec.Command("node", "--version").Output()
	if err != nil {
		return "?"
	}
	return string(bytes.TrimSpace(out))
}
