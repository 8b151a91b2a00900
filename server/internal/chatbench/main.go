// Command chatbench measures chat:
//
//	go run ./server/internal/chatbench
//
// It builds the server and starts it on an empty folder with --limits lab. It measures how
// many posts per second are acknowledged as durable through each door, and how long it takes
// to read pages of a room with 200,000 messages. It prints the tables of
// server/BENCHMARKS.md. It needs Linux and Go.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	length := flag.Duration("for", 5*time.Second, "how long each case posts")
	messages := flag.Int("messages", 200_000, "in the room whose pages are read")
	reads := flag.Int("reads", 300, "times each page is read")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, *length, *messages, *reads); err != nil {
		fmt.Fprintln(os.Stderr, "chatbench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, length time.Duration, messages, reads int) error {
	work, err := os.MkdirTemp("", "weft-chatbench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	bin := filepath.Join(work, "weft")
	build := exec.CommandContext(ctx, "go", "build", "-o", bin, "weft/server/cmd/weft")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("go build: %w", err)
	}
	s, err := start(ctx, bin, filepath.Join(work, "posts"))
	if err != nil {
		return err
	}
	err = posts(ctx, s, length)
	s.stop()
	if err != nil {
		return err
	}
	if s, err = start(ctx, bin, filepath.Join(work, "pages")); err != nil {
		return err
	}
	defer s.stop()
	return pages(ctx, s, messages, reads)
}

// server is a running weft process.
type server struct {
	host string
	cmd  *exec.Cmd
}

func start(ctx context.Context, bin, data string) (*server, error) {
	s := &server{cmd: exec.CommandContext(ctx, bin, "serve", "--addr", "127.0.0.1:0", "--data", data, "--limits", "lab")}
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	host, ok := strings.CutPrefix(lines.Text(), "weft: listening on http://")
	if !ok {
		s.stop()
		return nil, fmt.Errorf("the server says %q", lines.Text())
	}
	s.host = host
	return s, nil
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	killed := time.AfterFunc(20*time.Second, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait()
	killed.Stop()
}

// cpu returns the CPU time that the server has used, with a resolution of 10 ms.
func (s *server) cpu() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest) // the first is field 3 of proc(5)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}
