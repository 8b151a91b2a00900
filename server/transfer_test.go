package server

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/server/store"
)

// TestExportKeepsTheConversation: edits, deletions, reactions and threads move
// with a room.
func TestExportKeepsTheConversation(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	s := run(t, Config{Data: from, Limits: "lab"})
	ana, ben := s.guest(t, "Ana"), s.guest(t, "Ben")
	c, d := s.enter(t, ana, "r"), s.enter(t, ben, "r")
	for _, id := range []string{"m1", "m2", "m3"} {
		s.message(t, "r", ana.Token, map[string]any{"id": id, "text": "@Ben " + id, "quote": map[string]any{"text": id}})
	}
	s.message(t, "r", ben.Token, map[string]any{"id": "r1", "text": "answer", "thread": "m1"})
	s.message(t, "r", ben.Token, map[string]any{"id": "r2", "text": "answer", "thread": "m2"})
	c.done("edit", map[string]any{"id": "m1", "text": "other"})
	d.done("react", map[string]any{"id": "m1", "emoji": "👍", "on": true})
	c.done("delete", map[string]any{"id": "m2"})
	c.done("delete", map[string]any{"id": "m3"})
	var before struct{ Messages []store.Message }
	s.call(t, "GET", "/api/rooms/r/messages", ana.Token, nil, &before)
	var file bytes.Buffer
	if err := Export(t.Context(), from, "r", &file); err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{5, 0} {
		if room, stored, err := Import(t.Context(), to, "copy", bytes.NewReader(file.Bytes())); err != nil || room != "copy" || stored != want {
			t.Fatalf("imported %d into %q: %v", stored, room, err)
		}
	}
	again := run(t, Config{Data: to})
	var after struct{ Messages []store.Message }
	again.call(t, "GET", "/api/rooms/copy/messages", again.guest(t, "Cid").Token, nil, &after)
	for i := range before.Messages {
		before.Messages[i].Room, before.Messages[i].Rev = "copy", 0
	}
	for i := range after.Messages {
		after.Messages[i].Rev = 0
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
	if len(after.Messages) != 5 || after.Messages[0].Replies == nil {
		t.Errorf("%+v", after.Messages)
	}
}
