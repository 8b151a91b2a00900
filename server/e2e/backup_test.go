package e2e

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runCommand runs a command of the program and returns its output and its exit code.
func runCommand(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	bin, err := build()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin, args...)
	b, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// mustRunCommand runs a command that must succeed, and returns its output.
func mustRunCommand(t *testing.T, args ...string) string {
	t.Helper()
	out, code := runCommand(t, args...)
	if code != 0 {
		t.Fatalf("weft %s: exit status %d, want 0: %s", strings.Join(args, " "), code, out)
	}
	return out
}

// ackedTokens is the names of the tokens whose insertion, or deletion, is acknowledged.
type ackedTokens struct{ inserted, deleted []string }

// ackedTokens returns the tokens that are acknowledged now.
func (w *writer) ackedTokens() (s ackedTokens) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, tok := range w.tokens {
		switch {
		case tok.deleted:
			s.deleted = append(s.deleted, name)
		case tok.inserted && !tok.deleting:
			s.inserted = append(s.inserted, name)
		}
	}
	return s
}

// TestBackupUnderLoad checks that a backup made while clients write contains everything
// that was acknowledged before it began, that a server runs on it, and that neither
// backup nor restore overwrites an existing store.
func TestBackupUnderLoad(t *testing.T) {
	t.Parallel()
	random, dir := newSeededRandom(t), t.TempDir()
	data, file, other := filepath.Join(dir, "data"), filepath.Join(dir, "copy.weft"), filepath.Join(dir, "other")
	writers := newWriters(t, random, crashWriters, crashRooms)
	p := start(t, data)
	writers.connect(t, p)
	chat := newPoster(t, p, writers[0].room)
	chat.request(p, http.MethodPost, chat.path, map[string]string{"id": "kept", "text": "before"}, http.StatusCreated, nil)
	stop := make(chan struct{})
	wait := writers.run(stop)
	waitUntil(t, "the first 100 acks", func() bool { return writers.countAcked() >= 100 })

	before := map[*writer]ackedTokens{}
	acked := 0
	for _, w := range writers {
		before[w] = w.ackedTokens()
		acked += len(before[w].inserted)
	}
	mustRunCommand(t, "backup", "--data", data, file)
	after := map[*writer]ackedTokens{}
	for _, w := range writers {
		after[w] = w.ackedTokens()
	}
	inBackup := writers.countAcked() // at most
	waitUntil(t, "edits that are not in the backup", func() bool { return writers.countAcked() >= inBackup+100 })
	close(stop)
	wait()
	if acked == 0 {
		t.Fatal("nothing was acked before the backup, so the test shows nothing")
	}

	for _, refused := range [][]string{
		{"backup", "--data", data, file},
		{"restore", "--data", data, file},
		{"restore", "--data", other, filepath.Join(data, "weft.db")},
		{"backup", "--data", other, filepath.Join(dir, "none")},
		{"import", "--data", data, file},
	} {
		if out, code := runCommand(t, refused...); code == 0 {
			t.Errorf("weft %s succeeds, want an error: %s", strings.Join(refused, " "), out)
		}
	}
	p.checkAlive()
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the backup has mode %v, want 0600; error %v", info.Mode(), err)
	}

	mustRunCommand(t, "restore", "--data", other, file)
	if files, err := filepath.Glob(filepath.Join(other, "restore*")); err != nil || len(files) > 0 {
		t.Errorf("restore leaves the files %v, error %v", files, err)
	}
	q := start(t, other)
	checkRestored(t, q, writers, before, after)
	var history struct{ Messages []message }
	chat.request(q, http.MethodGet, chat.path, nil, http.StatusOK, &history)
	if len(history.Messages) != 1 || history.Messages[0].ID != "kept" {
		t.Errorf("the chat is %+v, want the message kept", history.Messages)
	}
	// Clients reconnect to the restored server and send the edits that the backup lacks.
	for _, w := range writers {
		w.drop()
	}
	writers.connect(t, q)
	writers.converge(t)
}

// checkRestored checks that the restored server q has every edit that was acknowledged
// before the backup began. before and after are the acknowledged tokens before the backup
// and after it: a token that was deleted in between may be missing.
func checkRestored(t *testing.T, q *process, writers writerGroup, before, after map[*writer]ackedTokens) {
	t.Helper()
	for room, writers := range writers.byRoom() {
		reader := newClient(t, room, 1<<40)
		if err := reader.connect(q); err != nil {
			t.Fatal(err)
		}
		text := reader.text()
		reader.drop()
		found := map[string]bool{}
		for at := 0; at < len(text); at += tokenSize {
			found[text[at:min(at+tokenSize, len(text))]] = true
		}
		for _, w := range writers {
			still := map[string]bool{}
			for _, name := range after[w].inserted {
				still[name] = true
			}
			for _, name := range before[w].inserted {
				if still[name] && !found[name] {
					t.Errorf("room %s: token %s was acked before the backup and is not in it", room, name)
				}
			}
			for _, name := range before[w].deleted {
				if found[name] {
					t.Errorf("room %s: the deletion of %s was acked before the backup and is not in it", room, name)
				}
			}
		}
	}
}

// TestExportAndImport checks that a room can be moved to another server, also from a
// running one, and that importing it twice changes nothing.
func TestExportAndImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, file, other := filepath.Join(dir, "data"), filepath.Join(dir, "room.json"), filepath.Join(dir, "other")
	p := start(t, data)
	near := newBystander(t, p, "class/7/notes")
	near.checkWorks(t)
	author := newPoster(t, p, "class/7/notes")
	for _, id := range []string{"one", "two"} {
		author.request(p, http.MethodPost, author.path, map[string]string{"id": id, "text": id + " 漢字"}, http.StatusCreated, nil)
	}
	mustRunCommand(t, "export", "--data", data, "class/7/notes", file)
	if out, code := runCommand(t, "export", "--data", data, "class/8", filepath.Join(dir, "none")); code == 0 || !strings.Contains(out, "no such room") {
		t.Errorf("exporting an unknown room: exit status %d, want an error: %s", code, out)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	short := filepath.Join(dir, "short.json")
	if err := os.WriteFile(short, whole[:bytes.LastIndexByte(whole[:len(whole)-1], '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := runCommand(t, "import", "--data", other, short); code == 0 {
		t.Errorf("a truncated export is accepted by import: %s", out)
	}
	for range 2 {
		mustRunCommand(t, "import", "--data", other, file)
	}
	mustRunCommand(t, "import", "--data", other, "--room", "copy", file)
	q := start(t, other)
	for _, room := range []string{"class/7/notes", "copy"} {
		reader := newClient(t, room, 1<<40)
		if err := reader.connect(q); err != nil {
			t.Fatal(err)
		}
		if !reader.contains(`"n":1`) {
			t.Errorf("room %s lacks the document", room)
		}
		var history struct{ Messages []message }
		chat := newPoster(t, q, room)
		chat.request(q, http.MethodGet, chat.path, nil, http.StatusOK, &history)
		if len(history.Messages) != 2 || history.Messages[1].Text != "two 漢字" || history.Messages[1].User.ID != author.id {
			t.Errorf("room %s: the chat is %+v", room, history.Messages)
		}
	}
}
