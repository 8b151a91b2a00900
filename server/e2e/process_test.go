package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	// Imported only so that go test does not reuse a cached result after the server has
	// changed.
	_ "weft/server"
)

var binDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "weft-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// build builds the program once and returns its path. It uses the race detector if the
// tests do.
var build = sync.OnceValues(func() (string, error) {
	const source = "../cmd/weft"
	files, err := filepath.Glob(source + "/*.go")
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no program in %s: %v", source, err)
	}
	for _, f := range files { // so that go test's cache depends on these files
		if _, err := os.ReadFile(f); err != nil {
			return "", err
		}
	}
	bin := filepath.Join(binDir, "weft")
	args := []string{"build", "-o", bin}
	if raceEnabled {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, source)...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

// timeout is how long the tests wait for an event before they fail.
const timeout = 90 * time.Second

// A process is a running weft.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	host string // 127.0.0.1:port
	log  *outputLog
	done chan struct{} // closed when the process has exited
}

// start starts weft on the data folder and waits until it listens.
func start(t *testing.T, data string, flags ...string) *process {
	t.Helper()
	p, line := launch(t, data, flags...)
	host, ok := strings.CutPrefix(line, "weft: listening on http://")
	if !ok {
		t.Fatalf("the first line of output is %q, want the address; the log:\n%s", line, p.log)
	}
	p.host = host
	return p
}

// launch starts weft and returns the first line that it prints, or "" if it exits without
// output.
func launch(t *testing.T, data string, flags ...string) (*process, string) {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, log: &outputLog{}, done: make(chan struct{})}
	p.cmd = exec.Command(bin, append([]string{"serve", "--addr", "127.0.0.1:0", "--data", data, "--limits", "lab"}, flags...)...)
	p.cmd.Stderr = p.log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	first := make(chan string, 1)
	go func() {
		defer close(p.done)
		lines := bufio.NewScanner(out)
		lines.Scan()
		first <- lines.Text()
		for lines.Scan() {
		}
		p.cmd.Wait() // the error is not needed: the exit status is in ProcessState
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", p.log)
		}
	})
	select {
	case line := <-first:
		return p, line
	case <-time.After(timeout):
		t.Fatalf("weft has printed nothing after %s; the log:\n%s", timeout, p.log)
		return nil, ""
	}
}

// kill sends SIGKILL and waits until the process has exited.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
	p.checkLog()
}

// terminate sends SIGTERM, and returns the exit status and how long the process took to
// exit.
func (p *process) terminate() (code int, took time.Duration) {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.wait(), time.Since(begun)
}

// wait waits until the process exits, and returns its exit status.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(timeout):
		p.t.Fatalf("the process has not exited after %s", timeout)
	}
	p.checkLog()
	return p.cmd.ProcessState.ExitCode()
}

// checkLog fails the test if the log has a data race or a panic, also a recovered one.
func (p *process) checkLog() {
	for _, bad := range []string{"DATA RACE", "panic", "goroutine 1 ["} {
		if p.log.contains(bad) {
			p.t.Errorf("the server's log contains %q:\n%s", bad, p.log)
		}
	}
}

// checkAlive fails the test if the server has exited or does not answer /livez.
func (p *process) checkAlive() {
	p.t.Helper()
	select {
	case <-p.done:
		p.t.Fatalf("the server has exited: %v", p.cmd.ProcessState)
	default:
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), timeout)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.host+"/livez", nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatalf("the server does not answer: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("/livez: status %d, want 200", resp.StatusCode)
	}
}

// outputLog keeps the end of a process's output. Safe for concurrent use.
type outputLog struct {
	mu   sync.Mutex
	text []byte
}

const outputLogSize = 64 << 10

func (r *outputLog) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, b...)
	if extra := len(r.text) - 2*outputLogSize; extra > 0 {
		r.text = append(r.text[:0], r.text[len(r.text)-outputLogSize:]...)
	}
	return len(b), nil
}

func (r *outputLog) contains(s string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Contains(r.text, []byte(s))
}

func (r *outputLog) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.text[max(0, len(r.text)-4000):])
}

// newSeededRandom returns the test's random numbers, and logs how to replay them.
func newSeededRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv("WEFT_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("replay with WEFT_SEED=%d go test -run '^%s$' weft/server/e2e", seed, t.Name())
	return rand.New(rand.NewPCG(seed, 1))
}
