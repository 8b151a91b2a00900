package server

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/server/store"
)

// TestExportKeepsChat checks that edits, deletions, reactions and threads are exported and
// imported, and that a second import stores nothing.
func TestExportKeepsChat(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	s := startServer(t, Config{Data: from, Limits: "lab"})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	c, d := s.joinRoom(t, ana, "r"), s.joinRoom(t, ben, "r")
	for _, id := range []string{"m1", "m2", "m3"} {
		s.postMessage(t, "r", ana.Token, map[string]any{"id": id, "text": "@Ben " + id, "quote": map[string]any{"text": id}})
	}
	s.postMessage(t, "r", ben.Token, map[string]any{"id": "r1", "text": "answer", "thread": "m1"})
	s.postMessage(t, "r", ben.Token, map[string]any{"id": "r2", "text": "answer", "thread": "m2"})
	c.sendRequest("edit", map[string]any{"id": "m1", "text": "other"})
	d.sendRequest("react", map[string]any{"id": "m1", "emoji": "👍", "on": true})
	c.sendRequest("delete", map[string]any{"id": "m2"})
	c.sendRequest("delete", map[string]any{"id": "m3"})
	var before struct{ Messages []store.Message }
	s.requestJSON(t, "GET", "/api/rooms/r/messages", ana.Token, nil, &before)
	var file bytes.Buffer
	if err := Export(t.Context(), from, "r", &file); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{5, 0} {
		if room, stored, err := Import(t.Context(), to, "copy", bytes.NewReader(file.Bytes())); err != nil || room != "copy" || stored != want {
			t.Fatalf("imported %d messages into %q, want %d into copy; error %v", stored, room, want, err)
		}
	}
	imported := startServer(t, Config{Data: to})
	var after struct{ Messages []store.Message }
	imported.requestJSON(t, "GET", "/api/rooms/copy/messages", imported.createGuest(t, "Cid").Token, nil, &after)
	for i := range before.Messages {
		before.Messages[i].Room, before.Messages[i].Rev = "copy", 0
	}
	for i := range after.Messages {
		after.Messages[i].Rev = 0
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the imported messages differ (-want +got):\n%s", diff)
	}
	if len(after.Messages) != 5 || after.Messages[0].Replies == nil {
		t.Errorf("got %+v, want 5 messages, the first with replies", after.Messages)
	}
}
