package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weft/server/store"
)

// before makes a data file of an older format, from its first n migrations, and
// fills it.
func before(t *testing.T, dir string, n int, fill ...string) {
	t.Helper()
	scripts, err := filepath.Glob("migrations/*.sql")
	must(t, err)
	db, err := sql.Open("sqlite", filepath.Join(dir, "weft.db"))
	must(t, err)
	defer db.Close()
	all := []string{}
	for _, path := range scripts[:n] {
		script, err := os.ReadFile(path)
		must(t, err)
		all = append(all, string(script))
	}
	all = append(append(all, fill...), "PRAGMA application_id = 0x77656674", fmt.Sprint("PRAGMA user_version = ", n))
	for _, s := range all {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// TestUpgradeKeepsTheChat opens a file from before edits, reactions, threads and
// read marks.
func TestUpgradeKeepsTheChat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	row := func(room, seq int, id, usr, thread, mentions string, deleted int) string {
		return fmt.Sprintf("INSERT INTO messages (room, seq, id, usr, name, text, thread, quote, mentions, created_at, edited_at, deleted) VALUES (%d, %d, '%s', '%s', 'N', 'text %s', '%s', NULL, '%s', %d, NULL, %d)",
			room, seq, id, usr, id, thread, mentions, 1767323045000+int64(room*100+seq), deleted)
	}
	before(t, dir, 4,
		"INSERT INTO rooms (id, name, last_seq) VALUES (1, 'room', 8), (2, 'other', 1), (3, 'quiet', 0)",
		row(1, 1, "root", "ann", "", "[]", 0),
		row(1, 2, "r1", "ben", "root", `[{"user":"ann"},{"user":"ben"}]`, 0),
		row(1, 3, "r2", "cid", "r1", `[{"room":true}]`, 0),
		row(1, 4, "r3", "ben", "r2", "[]", 0),
		row(1, 5, "lost", "ann", "nobody", "[]", 0),
		row(1, 6, "gone", "ann", "root", "[]", 1),
		row(1, 7, "odd", "ann", "round", "[]", 0), // two that answer each other
		row(1, 8, "round", "ann", "odd", "[]", 0),
		row(2, 1, "root", "ann", "", "[]", 0),
		"INSERT INTO members (room, usr, name, seen_at) VALUES (1, 'ben', 'Ben', 5), (1, 'ann', 'Ann', 6), (3, 'ann', 'Ann', 7)",
	)
	s := open(t, dir)
	list, err := s.Messages(t.Context(), "room", store.MessagePage{})
	must(t, err)
	last := time.UnixMilli(1767323045104).UTC()
	wantThread := map[string]string{"r1": "root", "r2": "root", "r3": "root", "lost": "nobody", "gone": "root", "odd": "round", "round": "odd"}
	for i, m := range list {
		want := store.Message{
			ID: m.ID, Room: "room", Seq: store.Seq(i + 1), Rev: store.Rev(i + 1), Version: 1, User: store.User{ID: m.User.ID, Name: "N"}, Text: "text " + m.ID,
			Thread: wantThread[m.ID], Mentions: m.Mentions, Reactions: []store.Reaction{}, CreatedAt: time.UnixMilli(1767323045101 + int64(i)).UTC(), Deleted: m.ID == "gone",
		}
		if m.ID == "root" {
			want.Replies = &store.Replies{Count: 3, Last: last, People: []store.User{{ID: "ben", Name: "N"}, {ID: "cid", Name: "N"}}}
		}
		if diff := cmp.Diff(want, m); diff != "" {
			t.Errorf("message %d: %s", i+1, diff)
		}
	}
	if len(list) != 8 {
		t.Errorf("%d messages", len(list))
	}
	for user, want := range map[string]store.Unread{
		"ann":  {Read: 8, LastSeq: 8},
		"ben":  {Read: 8, LastSeq: 8},
		"dora": {Count: 7, Mentions: 1, LastSeq: 8},
	} {
		got, err := s.Unread(t.Context(), "room", user)
		must(t, err)
		if got != want {
			t.Errorf("unread of %s: %+v, want %+v", user, got, want)
		}
	}
	found, err := s.Search(t.Context(), "room", store.SearchPage{Query: store.ParseQuery("text r")})
	must(t, err)
	if len(found) != 0 { // "r" alone is no beginning
		t.Errorf("found %+v", found)
	}
	found, err = s.Search(t.Context(), "room", store.SearchPage{Query: store.ParseQuery("text ro")})
	must(t, err)
	if len(found) != 2 || found[0].ID != "round" || found[1].ID != "root" {
		t.Errorf("found %+v", found)
	}
	found, err = s.Search(t.Context(), "room", store.SearchPage{Query: store.ParseQuery("gone")})
	must(t, err)
	if len(found) != 0 {
		t.Errorf("found %+v", found)
	}
	// And it goes on from there.
	m, _, err := s.PostMessage(t.Context(), store.Message{ID: "new", Room: "room", User: store.User{ID: "ann"}, Thread: "r3", Mentions: []store.Mention{{User: "ben"}}, CreatedAt: last}, store.NoOutbox)
	must(t, err)
	if m.Seq != 9 || m.Rev != 9 || m.Thread != "root" {
		t.Errorf("a new message: %+v", m)
	}
	rev, err := s.LastRev(t.Context(), "room")
	must(t, err)
	unread, err := s.Unread(t.Context(), "room", "ben")
	must(t, err)
	if rev != 10 || unread != (store.Unread{Read: 8, Count: 1, Mentions: 1, LastSeq: 9}) {
		t.Errorf("rev %d, unread %+v", rev, unread)
	}
}
