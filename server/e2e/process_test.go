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

	// Not used: with it, go test does not take the result of a run for that of
	// a server that has changed since.
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

// build builds the program once, with the race detector if the tests have it.
var build = sync.OnceValues(func() (string, error) {
	const source = "../cmd/weft"
	files, err := filepath.Glob(source + "/*.go")
	if err != nil || len(files) == 0 {
		return "", fmt.Errorf("no program in %s: %v", source, err)
	}
	for _, f := range files { // for go test's memory, as above
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

// patience is how long the tests wait for an event before they fail.
const patience = 90 * time.Second

// A process is a running weft.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	host string // 127.0.0.1:port
	log  *record
	done chan struct{} // closed when it has ended
}

// start starts weft on the data folder and waits until it listens.
func start(t *testing.T, data string, flags ...string) *process {
	t.Helper()
	p, line := launch(t, data, flags...)
	host, ok := strings.CutPrefix(line, "weft: listening on http://")
	if !ok {
		t.Fatalf("the first line is %q; the log:\n%s", line, p.log)
	}
	p.host = host
	return p
}

// launch starts weft and returns the first line it prints, or nothing if it
// ends without.
func launch(t *testing.T, data string, flags ...string) (*process, string) {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, log: &record{}, done: make(chan struct{})}
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
		p.cmd.Wait() // what it says is in ProcessState
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
	case <-time.After(patience):
		t.Fatalf("weft has printed nothing within %s; the log:\n%s", patience, p.log)
		return nil, ""
	}
}

// kill sends SIGKILL and waits until the process has ended.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.done
	p.clean()
}

// terminate asks the process to end, and returns its exit code and how long it
// took.
func (p *process) terminate() (code int, took time.Duration) {
	p.t.Helper()
	begun := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
	return p.wait(), time.Since(begun)
}

// wait waits until the process ends by itself, and returns its exit code.
func (p *process) wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		p.t.Fatalf("the process has not ended after %s", patience)
	}
	p.clean()
	return p.cmd.ProcessState.ExitCode()
}

// clean fails the test if the log tells of a bug in the server, also one that
// it survived.
func (p *process) clean() {
	for _, bad := range []string{"DATA RACE", "panic", "goroutine 1 ["} {
		if p.log.has(bad) {
			p.t.Errorf("the server's log has %q:\n%s", bad, p.log)
		}
	}
}

// alive fails the test if the server has ended or does not answer /livez.
func (p *process) alive() {
	p.t.Helper()
	select {
	case <-p.done:
		p.t.Fatalf("the server has ended: %v", p.cmd.ProcessState)
	default:
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.host+"/livez", nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatalf("the server does not answer: %v", err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		p.t.Fatalf("/livez answers %d", resp.StatusCode)
	}
}

// record keeps the end of the output of a process.
type record struct {
	mu   sync.Mutex
	text []byte
}

const recordSize = 64 << 10

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.text = append(r.text, b...)
	if extra := len(r.text) - 2*recordSize; extra > 0 {
		r.text = append(r.text[:0], r.text[len(r.text)-recordSize:]...)
	}
	return len(b), nil
}

func (r *record) has(s string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Contains(r.text, []byte(s))
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return string(r.text[max(0, len(r.text)-4000):])
}

// seeded returns the test's source of chance, and says how to have it again.
func seeded(t *testing.T) *rand.Rand {
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
