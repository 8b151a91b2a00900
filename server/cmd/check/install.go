package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// need makes sure that one of the programs is there, and returns its path. If none
// is, it installs the Debian packages.
func (b *bench) need(ctx context.Context, programs []string, packages ...string) (path string, err error) {
	if p := b.first(programs); p != "" {
		return p, nil
	}
	what, install := strings.Join(programs, " or "), strings.Join(packages, " ")
	if b.find("apt-get") == "" {
		return "", fmt.Errorf("%s is not installed and there is no apt-get to install it with: please install it (on Debian: %s)", what, install)
	}
	if !b.asRoot() {
		return "", fmt.Errorf("%s is not installed: run apt-get install %s as root", what, install)
	}
	quiet := []string{"DEBIAN_FRONTEND=noninteractive"}
	if _, err := b.output(ctx, command{env: quiet, argv: []string{"apt-get", "-q", "update"}}); err != nil {
		return "", fmt.Errorf("%s is not installed: %w", what, err)
	}
	fmt.Fprintln(b.out, "installing", install)
	argv := append([]string{"apt-get", "-qy", "install", "--no-install-recommends"}, packages...)
	if _, err := b.output(ctx, command{env: quiet, argv: argv}); err != nil {
		return "", fmt.Errorf("%s is not installed: %w", what, err)
	}
	if p := b.first(programs); p != "" {
		return p, nil
	}
	return "", fmt.Errorf("%s is still missing after installing %s", what, install)
}

func (b *bench) first(programs []string) string {
	for _, p := range programs {
		if path := b.find(p); path != "" {
			return path
		}
	}
	return ""
}

// nodeMajor is the oldest Node that the packages of web/ run on.
const nodeMajor = 20

// needNode makes sure of Node and npm, and of the packages of web/.
func (b *bench) needNode(ctx context.Context) error {
	if _, err := b.need(ctx, []string{"node"}, "nodejs", "npm"); err != nil {
		return err
	}
	if _, err := b.need(ctx, []string{"npm"}, "npm"); err != nil {
		return err
	}
	version, err := b.output(ctx, command{argv: []string{"node", "--version"}})
	if err != nil {
		return err
	}
	version = strings.TrimSpace(version)
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < nodeMajor {
		return fmt.Errorf("node is %s and web/ needs %d or newer, which this machine's packages don't have: please install it", version, nodeMajor)
	}
	if !b.npmRan {
		b.npmRan = true
		b.npmErr = b.run(ctx, b.in("web", "npm", "ci", "--no-audit", "--no-fund"))
	}
	return b.npmErr
}

// browsers are the programs that the browser tests can drive.
var browsers = []string{"chromium", "chromium-browser", "google-chrome"}

func (b *bench) needBrowser(ctx context.Context) (path string, err error) {
	return b.need(ctx, browsers, "chromium", "fonts-liberation")
}

// needRace makes sure that go test -race can be built.
func (b *bench) needRace(ctx context.Context) error {
	_, err := b.need(ctx, []string{"gcc", "clang"}, "gcc", "libc6-dev")
	return err
}

// needRedis makes sure that the tests against a real Redis don't skip.
func (b *bench) needRedis(ctx context.Context) error {
	_, err := b.need(ctx, []string{"redis-server"}, "redis-server")
	return err
}

// in is a command in a folder of the repository.
func (b *bench) in(dir string, argv ...string) command {
	return command{dir: b.path(dir), argv: argv}
}
