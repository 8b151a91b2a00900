package e2e

import (
	"database/sql"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"weft/crdt"
)

// readyStatus returns the HTTP status of /readyz.
func (p *process) readyStatus() int {
	p.t.Helper()
	resp, err := http.Get("http://" + p.host + "/readyz")
	if err != nil {
		p.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// testDiskFailure runs writers through a failure of the disk: fail begins it, heal ends it.
// During the failure no edit may be acknowledged, and native clients receive a storage
// event. Afterwards all edits must be stored and acknowledged without any action.
func testDiskFailure(t *testing.T, data string, flags []string, fail func(*process), heal func()) {
	t.Helper()
	random := newSeededRandom(t)
	p := start(t, data, flags...)
	writers := newWriters(t, random, 6, 3)
	writers.connect(t, p)
	native := joinNative(t, p, writers[0].room)
	stop := make(chan struct{})
	wait := writers.run(stop)
	waitUntil(t, "the first acks", func() bool { return writers.countAcked() > 100 })

	fail(p)
	waitForStorageEvent := func(writable string) {
		t.Helper()
		deadline := time.After(2 * timeout)
		for {
			select {
			case frame := <-native.frames:
				if isEvent(1, "storage")(frame) && strings.HasSuffix(string(frame), writable) {
					return
				}
			case code := <-native.closeCode:
				t.Fatalf("the native client was closed with %d", code)
			case <-deadline:
				t.Fatalf("no storage event after %s", 2*timeout)
			}
		}
	}
	waitForStorageEvent("\xc2") // msgpack's false
	if p.readyStatus() != http.StatusServiceUnavailable {
		t.Error("/readyz does not report the failing store")
	}
	acked := writers.countAcked()
	p.checkAlive()
	// A new client can join and read during the failure.
	late := newClient(t, writers[0].room, 1<<41)
	if err := late.connect(p); err != nil {
		t.Fatal(err)
	}
	late.drop()
	keepLoad(time.Second) // no edit may be acked meanwhile
	if now := writers.countAcked(); now != acked {
		t.Errorf("%d edits were acked while the disk fails", now-acked)
	}

	heal()
	waitForStorageEvent("\xc3")
	waitUntil(t, "acks again", func() bool { return writers.countAcked() > acked+100 })
	close(stop)
	wait()
	writers.converge(t)
	for _, w := range writers {
		if code := w.closeCode(); code != 0 {
			t.Errorf("writer %d was closed with %d", w.id, code)
		}
	}
	for _, w := range writers {
		w.drop()
	}
	acked = writers.countAcked()
	p.kill()
	p = start(t, data, flags...)
	writers.verify(t, p)
	t.Logf("%d edits acked before, while and after the disk failed, 0 lost", acked)
}

// TestUnwritableStoreMakesRoomsReadOnly checks that rooms are read-only while the store refuses
// commits, writable again afterwards, and lose nothing. Another process causes the
// refusals by holding the database's write lock.
func TestUnwritableStoreMakesRoomsReadOnly(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(data, "weft.db"))+"?_txlock=immediate&_pragma=busy_timeout(1)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	var tx *sql.Tx
	testDiskFailure(t, data, nil, func(*process) {
		deadline := time.After(timeout)
		for { // take the write lock between two commits
			if tx, err = db.Begin(); err == nil {
				return
			}
			select {
			case <-deadline:
				t.Fatal(err)
			default:
			}
		}
	}, func() {
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
	})
}

// TestFullDiskMakesRoomsReadOnly checks the same with a full disk, a real file system of
// 24 MB. It needs the right to mount.
func TestFullDiskMakesRoomsReadOnly(t *testing.T) {
	if os.Getenv("WEFT_MOUNT") == "" {
		t.Skip("set WEFT_MOUNT=1 to let the test mount a tmpfs; it needs root")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=24m", "none", dir).CombinedOutput(); err != nil {
		t.Fatalf("mount: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", dir).Run() })
	filler := filepath.Join(dir, "filler")
	testDiskFailure(t, filepath.Join(dir, "data"), nil, func(*process) {
		f, err := os.Create(filler)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		block := make([]byte, 4096)
		for err == nil { // until the disk is full
			_, err = f.Write(block)
		}
	}, func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	})
}

// TestOnlyTheDamagedRoomIsRefused checks that a room whose stored bytes are damaged is refused and
// never served as empty, also after a restart, and that all other rooms are served.
func TestOnlyTheDamagedRoomIsRefused(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	p := start(t, data)
	for _, room := range []string{"sound", "damaged"} {
		c := newClient(t, room, 5)
		if err := c.connect(p); err != nil {
			t.Fatal(err)
		}
		acked := make(chan struct{})
		c.edit(func(doc *crdt.Doc) ([]byte, error) { return doc.InsertText(root, 0, "kept in "+room) }, func() { close(acked) })
		<-acked
		c.drop()
	}
	if code, _ := p.terminate(); code != 0 {
		t.Fatalf("exit status %d, want 0", code)
	}
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(data, "weft.db")))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("UPDATE log SET data = zeroblob(length(data)) WHERE doc = (SELECT id FROM docs WHERE room = 'damaged')"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		p = start(t, data)
		for range 3 {
			if got := requestUpgrade(t, p, "/ws/damaged", nil); got != http.StatusServiceUnavailable {
				t.Errorf("the damaged room: status %d, want 503", got)
			}
		}
		a := dialRaw(t, p, "/socket")
		a.wantAnswer(eventFrame(t, 0, "hello", map[string]any{}), isEvent(0, "welcome"))
		a.wantAnswer(eventFrame(t, 0, "join", map[string]any{"channel": 1, "room": "damaged"}), isEvent(0, "refused"))
		c := newClient(t, "sound", 6)
		if err := c.connect(p); err != nil {
			t.Fatal(err)
		}
		if text := c.text(); text != "kept in sound" {
			t.Errorf("the sound room has the text %q, want %q", text, "kept in sound")
		}
		c.drop()
		if code, _ := p.terminate(); code != 0 {
			t.Errorf("exit status %d, want 0", code)
		}
		if out, code := runCommand(t, "backup", "--data", data, filepath.Join(t.TempDir(), "copy")); code == 0 || !strings.Contains(out, "damaged") {
			t.Errorf("a backup of the store does not report the damage: %s", out)
		}
	}
}
