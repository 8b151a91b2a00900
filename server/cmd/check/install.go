package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// need returns the path of the first of the programs that is installed. If none is, it
// installs the Debian packages.
func (w *workspace) need(ctx context.Context, programs []string, packages ...string) (path string, err error) {
	if p := w.first(programs); p != "" {
		return p, nil
	}
	what, install := strings.Join(programs, " or "), strings.Join(packages, " ")
	if w.find("apt-get") == "" {
		return "", fmt.Errorf("%s is not installed and there is no apt-get to install it with: please install it (on Debian: %s)", what, install)
	}
	if !w.asRoot() {
		return "", fmt.Errorf("%s is not installed: run apt-get install %s as root", what, install)
	}
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	if _, err := w.output(ctx, command{env: quiet, argv: []string{"apt-get", "-q", "update"}}); err != nil {
		return "", fmt.Errorf("%s is not installed: %w", what, err)
	}
	fmt.Fprintln(w.out, "installing", install)
	argv := append([]string{"apt-get", "-qy", "install", "--no-install-recommends"}, packages...)
	if _, err := w.output(ctx, command{env: quiet, argv: argv}); err != nil {
		return "", fmt.Errorf("%s is not installed: %w", what, err)
	}
	if p := w.first(programs); p != "" {
		return p, nil
	}
	return "", fmt.Errorf("%s is still missing after installing %s", what, install)
}

func (w *workspace) first(programs []string) string {
	for _, p := range programs {
		if path := w.find(p); path != "" {
			return path
		}
	}
	return ""
}

// nodeMajor is the oldest major version of Node that the packages of web/ support.
const nodeMajor = 20

// needNode installs Node, npm and the packages of web/ unless they are installed.
func (w *workspace) needNode(ctx context.Context) error {
	if _, err := w.need(ctx, []string{"node"}, "nodejs", "npm"); err != nil {
		return err
	}
	if _, err := w.need(ctx, []string{"npm"}, "npm"); err != nil {
		return err
	}
	version, err := w.output(ctx, command{argv: []string{"node", "--version"}})
	if err != nil {
		return err
	}
	version = strings.TrimSpace(version)
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < nodeMajor {
		return fmt.Errorf("node is %s and web/ needs %d or newer, which apt-get does not offer here: please install it", version, nodeMajor)
	}
	if !w.npmRan {
		w.npmRan = true
		w.npmErr = w.run(ctx, w.in("web", "npm", "ci", "--no-audit", "--no-fund"))
	}
	return w.npmErr
}

// browsers are the programs that the browser tests support.
var browsers = []string{"chromium", "chromium-browser", "google-chrome"}

func (w *workspace) needBrowser(ctx context.Context) (path string, err error) {
	return w.need(ctx, browsers, "chromium", "fonts-liberation")
}

// needRace installs a C compiler, which go test -race needs.
func (w *workspace) needRace(ctx context.Context) error {
	_, err := w.need(ctx, []string{"gcc", "clang"}, "gcc", "libc6-dev")
	return err
}

// needRedis installs Redis. Without it the tests against a real Redis are skipped.
func (w *workspace) needRedis(ctx context.Context) error {
	_, err := w.need(ctx, []string{"redis-server"}, "redis-server")
	return err
}

// in returns a command that runs in a folder of the repository.
func (w *workspace) in(dir string, argv ...string) command {
	return command{dir: w.path(dir), argv: argv}
}
