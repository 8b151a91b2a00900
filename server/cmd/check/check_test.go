package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// fakeMachine runs no command: it records every command and returns prepared answers.
type fakeMachine struct {
	installed map[string]bool
	user      bool              // not root
	offers    []string          // programs that apt-get install installs
	says      map[string]string // output by prefix of the command line
	fails     string            // a command line that contains this fails
	ran       []string
}

var errFake = errors.New("exit status 1")

func (p *fakeMachine) run(ctx context.Context, c command) error {
	_, err := p.output(ctx, c)
	return err
}

func (p *fakeMachine) output(_ context.Context, c command) (string, error) {
	line := c.String()
	p.ran = append(p.ran, line)
	if p.fails != "" && strings.Contains(line, p.fails) {
		return "", errFake
	}
	if strings.Contains(line, "apt-get -qy install") {
		for _, program := range p.offers {
			p.installed[program] = true
		}
	}
	for begin, text := range p.says {
		if strings.HasPrefix(line, begin) {
			return text, nil
		}
	}
	return "", nil
}

func (p *fakeMachine) find(program string) string {
	if !p.installed[program] {
		return ""
	}
	return "/usr/bin/" + program
}

func (p *fakeMachine) asRoot() bool { return !p.user }

// machineWith returns a machine with these programs and a Node that is new enough.
func machineWith(programs ...string) *fakeMachine {
	p := &fakeMachine{installed: map[string]bool{}, says: map[string]string{
		"node --version": "v22.1.0\n",
		"go test -list":  "FuzzDecode\nok  \tweft/crdt\t0.1s\n?   \tweft/web\t[no test files]\nok  \tweft/server/room\t0.1s\nFuzzFrame\nok  \tweft/server/wire\t0.1s\n",
	}}
	for _, name := range programs {
		p.installed[name] = true
	}
	return p
}

var complete = []string{"gcc", "redis-server", "node", "npm", "chromium", "apt-get"}

// check runs the plan with these flags on the machine.
func check(t *testing.T, m *fakeMachine, args ...string) (passed bool, output string) {
	t.Helper()
	var out strings.Builder
	o, err := parse(args, &out)
	if err != nil {
		t.Fatal(err)
	}
	w := &workspace{machine: m, root: t.TempDir(), out: &out, options: o}
	passed = report(&out, runAll(t.Context(), plan(o), w))
	return passed, out.String()
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

func TestAllPartsPass(t *testing.T) {
	m := machineWith(complete...)
	passed, out := check(t, m, "-fuzz", "300")
	if !passed || lastLine(out) != "12 passed, 0 failed" {
		t.Errorf("passed is %v:\n%s", passed, out)
	}
	for _, want := range []string{
		"go vet ./...",
		"go tool staticcheck ./...",
		"go test -race -timeout 15m ./...",
		"WEFT_CRASH_ROUNDS=20 go test -count=1 -v -timeout 20m -run ^(TestKillLosesNothingAcked|TestChatIsALog)$ ./server/e2e",
		"go test -run ^$ -fuzz ^FuzzDecode$ -fuzztime 300x -fuzzminimizetime 500x weft/crdt",
		"go test -run ^$ -fuzz ^FuzzFrame$ -fuzztime 300x -fuzzminimizetime 500x weft/server/wire",
		"npm ci --no-audit --no-fund",
		"npm run check",
		"go run ./web/build -check",
		"CHROMIUM=/usr/bin/chromium npm run e2e",
		"WEFT_POLLER=off go test -count=1 -timeout 15m ./server ./server/ws/... ./server/room/...",
		"WEFT_POLLER=off WEFT_E2E=stock,hocuspocus npm run e2e",
	} {
		if !slices.Contains(m.ran, want) {
			t.Errorf("%q did not run; these did:\n%s", want, strings.Join(m.ran, "\n"))
		}
	}
	if n := strings.Count(strings.Join(m.ran, "\n"), "npm ci"); n != 1 {
		t.Errorf("npm ci ran %d times", n)
	}
}

// TestEveryPartCanFail makes one command after the other fail: the check fails, names the
// part, and still runs the other parts.
func TestEveryPartCanFail(t *testing.T) {
	for part, command := range map[string]string{
		"vet":         "go vet",
		"staticcheck": "go tool staticcheck",
		"test":        "go test -race",
		"fuzz":        "FuzzDecode",
		"crash":       "./server/e2e",
		"hostile":     "TestHostileFrames",
		"web":         "npm run check",
		"dist":        "./web/build",
		"vectors":     "WEFT_HISTORIES",
		"browser":     "CHROMIUM=/usr/bin/chromium npm run e2e",
		"poller-off":  "WEFT_POLLER=off go test",
	} {
		t.Run(part, func(t *testing.T) {
			m := machineWith(complete...)
			m.fails = command
			passed, out := check(t, m, "-fuzz", "1")
			if passed || lastLine(out) != "11 passed, 1 failed" {
				t.Errorf("passed is %v:\n%s", passed, out)
			}
			if !strings.Contains(out, part+" failed: ") {
				t.Errorf("the output does not say why the part failed:\n%s", out)
			}
		})
	}
}

func TestUnformattedFileFails(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.go":               "package a\n",
		"node_modules/x/bad.go": "package  a\n",
		"sub/bad.go":            "package  a\n",
		"sub/broken.go":         "packge a\n",
	} {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := gofmt(t.Context(), &workspace{root: dir, out: new(strings.Builder)})
	if want := "gofmt -w sub/bad.go sub/broken.go"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestMissingTool: a missing program is installed if possible. If not, the parts that need
// it fail and say what to do.
func TestMissingTool(t *testing.T) {
	tests := []struct {
		name   string
		m      *fakeMachine
		args   []string
		passed bool
		says   string
	}{
		{"installed", &fakeMachine{installed: map[string]bool{"apt-get": true, "node": true, "npm": true}, offers: []string{"chromium"}}, []string{"browser"}, true, "installing chromium"},
		{"not root", &fakeMachine{installed: map[string]bool{"apt-get": true, "node": true, "npm": true}, user: true}, []string{"browser"}, false, "run apt-get install chromium fonts-liberation as root"},
		{"no apt-get", &fakeMachine{installed: map[string]bool{"node": true, "npm": true}}, []string{"browser"}, false, "please install it"},
		{"apt-get fails", &fakeMachine{installed: map[string]bool{"apt-get": true, "node": true, "npm": true}, fails: "update"}, []string{"browser"}, false, "chromium or chromium-browser or google-chrome is not installed: exit status 1"},
		{"package lacks the program", &fakeMachine{installed: map[string]bool{"apt-get": true}}, []string{"web"}, false, "still missing"},
		{"no compiler", &fakeMachine{installed: map[string]bool{}}, []string{"test"}, false, "gcc or clang is not installed"},
		{"switched off", &fakeMachine{installed: map[string]bool{"node": true, "npm": true}}, []string{"-e2e=false", "web"}, true, "1 passed, 0 failed"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.m.says = machineWith().says
			passed, out := check(t, test.m, test.args...)
			if passed != test.passed || !strings.Contains(out, test.says) {
				t.Errorf("passed is %v, want %v, and output that says %q:\n%s", passed, test.passed, test.says, out)
			}
		})
	}
}

// TestPackagesFail: if npm ci fails, every part that needs the packages fails, and npm ci
// runs only once.
func TestPackagesFail(t *testing.T) {
	m := machineWith(complete...)
	m.fails = "npm ci"
	if passed, out := check(t, m); passed || lastLine(out) != "6 passed, 5 failed" {
		t.Errorf("passed is %v:\n%s", passed, out)
	}
	if n := strings.Count(strings.Join(m.ran, "\n"), "npm ci"); n != 1 {
		t.Errorf("npm ci ran %d times", n)
	}
}

func TestOldNodeFails(t *testing.T) {
	m := machineWith(complete...)
	m.says["node --version"] = "v18.20.4\n"
	if passed, out := check(t, m, "web"); passed || !strings.Contains(out, "node is v18.20.4") {
		t.Errorf("passed is %v:\n%s", passed, out)
	}
}

func TestQuickRunsOnlyGo(t *testing.T) {
	m := machineWith()
	passed, out := check(t, m, "-quick")
	if !passed || lastLine(out) != "4 passed, 0 failed" {
		t.Errorf("passed is %v:\n%s", passed, out)
	}
	if !slices.Contains(m.ran, "go test ./...") {
		t.Errorf("ran %q", m.ran)
	}
	if !strings.Contains(out, "off") || !strings.Contains(out, "-quick") {
		t.Errorf("the output does not list the parts that are off:\n%s", out)
	}
}

func TestFlags(t *testing.T) {
	var out strings.Builder
	if _, err := parse([]string{"vetting"}, &out); err == nil {
		t.Error("an unknown part is no error")
	}
	if _, err := parse([]string{"-nonsense"}, &out); err == nil {
		t.Error("an unknown flag is no error")
	}
	if status := run(t.Context(), []string{"-h"}, &out); status != 0 || !strings.Contains(out.String(), "usage: go tool check") {
		t.Errorf("-h gives %d and %s", status, out.String())
	}
}

// TestNothingRan: a run in which every part is off fails.
func TestNothingRan(t *testing.T) {
	if passed, out := check(t, machineWith(), "fuzz"); passed || lastLine(out) != "0 passed, 0 failed" {
		t.Errorf("passed is %v:\n%s", passed, out)
	}
}

// TestHangingPartEnds: a part is cancelled after partLimit and fails.
func TestHangingPartEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := part{name: "hangs", run: func(ctx context.Context, _ *workspace) error {
			<-ctx.Done()
			return ctx.Err()
		}}
		results := runAll(t.Context(), []part{hangs}, &workspace{out: new(strings.Builder)})
		if err := results[0].err; err == nil || !strings.Contains(err.Error(), "still running after") {
			t.Errorf("got %v", err)
		}
	})
}

// TestInterrupted: after an interrupt no further part starts, and none passes.
func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	started := 0
	p := part{name: "p", run: func(context.Context, *workspace) error { started++; cancel(); return ctx.Err() }}
	results := runAll(ctx, []part{p, p}, &workspace{out: new(strings.Builder)})
	if started != 1 || results[0].err == nil || results[1].err == nil {
		t.Errorf("%d started, results %v", started, results)
	}
}

// TestLocalMachine: a real command's output is passed on, and its exit status decides.
func TestLocalMachine(t *testing.T) {
	var out strings.Builder
	m := &local{out: &out}
	c := command{dir: t.TempDir(), env: []string{"GOFLAGS="}, argv: []string{"go", "version"}}
	if err := m.run(t.Context(), c); err != nil || !strings.Contains(out.String(), "go version go") {
		t.Errorf("%v: %s", err, out.String())
	}
	c.argv = []string{"go", "nonsense"}
	if err := m.run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "go nonsense: exit status 2") {
		t.Errorf("got %v", err)
	}
	if m.find("go") == "" || m.find("no-such-program-here") != "" {
		t.Error("find is wrong")
	}
}
