package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A command is a program to run in a folder; env is added to the environment.
type command struct {
	dir  string
	env  []string
	argv []string
}

func (c command) String() string { return strings.Join(append(c.env, c.argv...), " ") }

// A machine runs commands. The tests have a fake one.
type machine interface {
	// run runs the command with its output on the check's output. The error says how
	// the command failed.
	run(ctx context.Context, c command) error
	// output returns what the command printed on standard output.
	output(ctx context.Context, c command) (string, error)
	// find returns the path of a program, empty if it is not installed.
	find(program string) string
	// asRoot reports whether system packages may be installed.
	asRoot() bool
}

// local is the machine that the check runs on.
type local struct{ out io.Writer }

func (l *local) run(ctx context.Context, c command) error {
	fmt.Fprintf(l.out, "$ %s\n", c)
	cmd := prepare(ctx, c)
	cmd.Stdout, cmd.Stderr = l.out, l.out
	return ended(c, cmd.Run())
}

// maxQuote is how many bytes of a failed command's output an error contains.
const maxQuote = 4000

func (l *local) output(ctx context.Context, c command) (string, error) {
	var out, errs bytes.Buffer
	cmd := prepare(ctx, c)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(out.String() + errs.String())
		return "", fmt.Errorf("%w\n%s", ended(c, err), said[max(0, len(said)-maxQuote):])
	}
	return out.String(), nil
}

func (l *local) find(program string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		return ""
	}
	return path
}

func (l *local) asRoot() bool { return os.Geteuid() == 0 }

func prepare(ctx context.Context, c command) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.argv[0], c.argv[1:]...)
	cmd.Dir = c.dir
	cmd.Env = append(os.Environ(), c.env...)
	// go test and npm forward an interrupt to their children. A kill would leave the
	// children running.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

// ended describes how the command failed.
func ended(c command, err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit):
		return fmt.Errorf("%s: %s", c, exit)
	}
	return fmt.Errorf("%s: %w", c, err)
}
