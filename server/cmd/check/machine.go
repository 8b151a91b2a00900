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

// A command to run. Env is added to the environment.
type command struct {
	dir  string
	env  []string
	argv []string
}

func (c command) String() string { return strings.Join(append(c.env, c.argv...), " ") }

// A machine runs commands; the tests have one that only pretends.
type machine interface {
	// run lets the command print where the check prints. The
	// error tells how it ended.
	run(ctx context.Context, c command) error
	// output returns what the command printed on standard output.
	output(ctx context.Context, c command) (string, error)
	// find returns the path of a program, or nothing if it isn't installed.
	find(program string) string
	// asRoot tells whether packages of the system may be installed.
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

// quote is how much of a failed command's output an error quotes, in bytes.
const quote = 4000

func (l *local) output(ctx context.Context, c command) (string, error) {
	var out, errs bytes.Buffer
	cmd := prepare(ctx, c)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(out.String() + errs.String())
		return "", fmt.Errorf("%w\n%s", ended(c, err), said[max(0, len(said)-quote):])
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
	// go test and npm pass an interrupt on to what they started; a kill would
	// leave it behind.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	return cmd
}

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
