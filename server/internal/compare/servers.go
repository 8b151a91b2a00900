package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// bench has the paths of a measurement.
type bench struct {
	work     string // folder for everything that is made
	seed     string // file with an encoded document
	baseline string // another build of the weft program; empty: none
}

// server is one of the measured servers.
type server struct {
	name    string
	framing string   // dialect of the load generator
	path    string   // of the WebSocket URL, before the room
	command []string // $PORT and $DATA are replaced
	env     []string // likewise; PORT is always set
}

const (
	weft       = "weft"
	weftBefore = "weft, the baseline build"
	weftHocus  = "weft, Hocuspocus dialect"
	yws        = "@y/websocket-server"
	ywsLevel   = "the same with LevelDB"
	hocuspocus = "Hocuspocus"
)

func (b *bench) servers() []server {
	serve := []string{"weft", "serve", "--addr", "127.0.0.1:$PORT", "--data", "$DATA", "--limits", "lab"}
	all := []server{
		{name: weft, framing: "y-websocket", path: "/ws", command: serve},
		{name: weftHocus, framing: "hocuspocus", path: "/hocuspocus", command: serve},
		{name: yws, framing: "y-websocket", command: []string{"node", "node_modules/@y/websocket-server/src/server.js"}, env: []string{"HOST=127.0.0.1"}},
		{name: ywsLevel, framing: "y-websocket", command: []string{"node", "node_modules/@y/websocket-server/src/server.js"}, env: []string{"HOST=127.0.0.1", "YPERSISTENCE=$DATA"}},
		{name: hocuspocus, framing: "hocuspocus", command: []string{"node", "hocuspocus.mjs"}},
	}
	if b.baseline != "" {
		before := append([]string{b.baseline}, serve[1:]...)
		all = append(all, server{name: weftBefore, framing: "y-websocket", path: "/ws", command: before})
	}
	return all
}

//go:embed package.json
var packages []byte

//go:embed hocuspocus.mjs
var hocuspocusServer []byte

// build builds the programs and installs the peers.
func (b *bench) build(ctx context.Context, loadgen string) error {
	if err := os.MkdirAll(b.work, 0o755); err != nil {
		return err
	}
	var err error
	if b.work, err = filepath.Abs(b.work); err != nil {
		return err
	}
	if err := command(ctx, ".", "go", "build", "-o", filepath.Join(b.work, "weft"), "weft/server/cmd/weft"); err != nil {
		return err
	}
	if err := command(ctx, loadgen, "go", "build", "-o", filepath.Join(b.work, "loadgen"), "."); err != nil {
		return err
	}
	for name, content := range map[string][]byte{"package.json": packages, "hocuspocus.mjs": hocuspocusServer} {
		if err := os.WriteFile(filepath.Join(b.work, name), content, 0o644); err != nil {
			return err
		}
	}
	return command(ctx, b.work, "npm", "install", "--no-audit", "--no-fund", "--loglevel=error")
}

// result is the output of the load generator: JSON figures by name.
type result map[string]any

// run starts the server, runs the load generator against it and stops the server.
func (b *bench) run(ctx context.Context, c testCase, s server) (result, error) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	data, err := os.MkdirTemp(b.work, "data")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(data)
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	expand := func(text string) string {
		return os.Expand(text, func(name string) string {
			return map[string]string{"PORT": port, "DATA": data, "SEED": b.seed}[name]
		})
	}
	name := s.command[0]
	if name == "weft" {
		name = filepath.Join(b.work, name)
	}
	var args []string
	for _, a := range s.command[1:] {
		args = append(args, expand(a))
	}
	p := exec.CommandContext(ctx, name, args...)
	p.Dir = b.work
	p.Env = append(os.Environ(), "PORT="+port)
	for _, e := range s.env {
		p.Env = append(p.Env, expand(e))
	}
	if err := p.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = p.Process.Signal(syscall.SIGTERM)
		ended := time.AfterFunc(5*time.Second, func() { _ = p.Process.Kill() })
		_ = p.Wait()
		ended.Stop()
	}()
	if err := await(ctx, "127.0.0.1:"+port); err != nil {
		return nil, err
	}
	load := []string{
		"-url", "ws://127.0.0.1:" + port + s.path, "-framing", s.framing,
		"-pid", strconv.Itoa(p.Process.Pid), "-limit", "2m",
	}
	for _, a := range c.load {
		load = append(load, expand(a))
	}
	var out, errs bytes.Buffer
	l := exec.CommandContext(ctx, filepath.Join(b.work, "loadgen"), load...)
	l.Stdout, l.Stderr = &out, &errs
	if err := l.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, errs.Bytes())
	}
	var r result
	return r, json.Unmarshal(out.Bytes(), &r)
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, err
}

// await waits until a TCP connection to the address succeeds.
func await(ctx context.Context, address string) error {
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			time.Sleep(300 * time.Millisecond) // let the server finish its start
			return nil
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the server did not start: %w", err)
		}
	}
}
