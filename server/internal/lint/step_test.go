package lint

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
)

// TestStepReturnsEffectsOnly: the rule finds every way in which a file of the step could
// act by itself, and leaves other files of the package alone.
func TestStepReturnsEffectsOnly(t *testing.T) {
	sound := map[string]string{"peer.go": "package room\ntype Peer interface{ Wake() }\ntype Toucher interface{ Touch() }"}
	for _, name := range stepFiles {
		sound[name] = "package room"
	}
	for name, c := range map[string]struct {
		file, source string
		want         []string // a part of each problem, in order
	}{
		"effects only": {"step.go", "package room\nimport \"time\"\nfunc f(now time.Time) time.Time { return now.Add(time.Second) }", nil},
		"a peer":       {"awareness.go", "package room\nfunc f(m *member) {\n\tm.peer.Wake()\n}", []string{"awareness.go:3: the step calls the peer's method Wake"}},
		"an asserted interface": {"clients.go", "package room\nfunc f(p Peer) {\n\tif t, ok := p.(Toucher); ok {\n\t\tt.Touch()\n\t}\n}",
			[]string{"clients.go:4: the step calls the peer's method Touch"}},
		"the clock":   {"step.go", "package room\nimport \"time\"\nvar now = time.Now()\nvar after = time.After", []string{"step.go:3: the step reads the clock", "step.go:4: the step reads the clock"}},
		"a goroutine": {"update.go", "package room\nfunc f() {\n\tgo f()\n}", []string{"update.go:3: the step starts a goroutine"}},
		"channels": {"update.go", "package room\nvar c chan int\nfunc f() {\n\tc <- 1\n\t<-c\n\tselect {}\n}",
			[]string{"update.go:2: the step uses a channel", "update.go:4:", "update.go:5:", "update.go:6:"}},
		"a lock": {"roster.go", "package room\nimport \"sync\"\nvar mu sync.Mutex\nfunc f() {\n\tmu.Lock()\n}",
			[]string{"roster.go:2: the step imports sync", "roster.go:5: the step uses a lock"}},
		"an atomic and a log":    {"pending.go", "package room\nimport (\n\"sync/atomic\"\n\"log/slog\"\n)", []string{"pending.go:3: the step imports sync/atomic", "pending.go:4: the step imports log/slog"}},
		"another file may do it": {"run.go", "package room\nimport \"sync\"\nfunc f(p Peer) { go p.Wake() }", nil},
		"no interfaces":          {"peer.go", "package room", []string{"peer.go: declares no interface"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(sound)
			files[c.file] = c.source
			checkSteps(t, files, c.want)
		})
	}
	t.Run("a missing file", func(t *testing.T) {
		files := maps.Clone(sound)
		delete(files, "step.go")
		checkSteps(t, files, []string{"step.go: no such file"})
	})
}

// checkSteps runs the rule on the files of the room's package.
func checkSteps(t *testing.T, files map[string]string, want []string) {
	t.Helper()
	fs := fstest.MapFS{}
	for name, source := range files {
		fs[stepDir+name] = &fstest.MapFile{Data: []byte(source)}
	}
	tree, err := Read(fs)
	if err != nil {
		t.Fatal(err)
	}
	got := Steps(tree)
	if len(got) != len(want) {
		t.Fatalf("problems %v, want %q", got, want)
	}
	for i, p := range got {
		if !strings.Contains(fmt.Sprint(p), want[i]) {
			t.Errorf("problem %d is %q, want a part %q", i, p, want[i])
		}
	}
}
