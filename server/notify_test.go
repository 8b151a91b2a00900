package server

import (
	"testing"
	"time"
)

type inbox struct {
	Notifications  []map[string]any
	Unread, Unseen int
}

// TestMentionReachesTheInboxAndTheOpenTab checks that a mention is in the inbox and on the
// person's stream, that a stream resumes after the last event, and that reading a
// notification on one device is told to the others.
func TestMentionReachesTheInboxAndTheOpenTab(t *testing.T) {
	s := startServer(t, Config{})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	s.joinRoom(t, ben, "class/7 notes") // makes Ben a member, so that he can be mentioned
	stream := s.openEvents(t, ben.Token, "")
	if first := stream.readEvent(); first.name != "connected" || first.data["recovered"] != true {
		t.Fatalf("the first event is %+v, want connected and recovered", first)
	}
	post := func(id, text string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/class%2F7%20notes/messages", ana.Token, map[string]string{"id": id, "text": text}, nil); code != 201 {
			t.Fatalf("posting %s: status %d, want 201", id, code)
		}
	}
	post("m1", "nobody is named here")
	post("m2", "@Ben look")
	post("m2", "@Ben look")
	mention := stream.readEvent()
	if mention.name != "notification" || mention.id == "" || mention.data["kind"] != "mention" || mention.data["title"] != "Ana mentioned you" ||
		mention.data["body"] != "@Ben look" || mention.data["url"] != "/s/class/7%20notes#m=m2" || mention.data["room"] != "class/7 notes" {
		t.Errorf("the notification is %+v", mention)
	}
	post("m3", "@room and @ben again")
	second := stream.readEvent()
	var list inbox
	s.requestJSON(t, "GET", "/api/notifications", ben.Token, nil, &list)
	if len(list.Notifications) != 2 || list.Unread != 2 || list.Unseen != 2 {
		t.Errorf("the inbox is %+v, want 2 notifications, unread and unseen", list)
	}
	// A stream that resumes gets the notifications that it missed.
	resumed := s.openEvents(t, ben.Token, mention.id)
	if first := resumed.readEvent(); first.data["recovered"] != true {
		t.Errorf("resuming: the first event is %+v, want recovered", first)
	}
	if missed := resumed.readEvent(); missed.id != second.id {
		t.Errorf("resuming: got %+v, want %s", missed, second.id)
	}
	unknown := s.openEvents(t, ben.Token, "no-such-event")
	if first := unknown.readEvent(); first.data["recovered"] != false {
		t.Errorf("resuming after an unknown id: the first event is %+v, want it not recovered", first)
	}
	// Reading a notification on one device updates the counts on the others.
	if code := s.requestJSON(t, "POST", "/api/notifications/"+mention.id+"/read", ben.Token, nil, nil); code != 204 {
		t.Errorf("marking as read: status %d, want 204", code)
	}
	if counts := resumed.readEvent(); counts.name != "counts" || counts.data["unread"] != 1.0 {
		t.Errorf("got %+v, want counts with 1 unread", counts)
	}
	if code := s.requestJSON(t, "POST", "/api/notifications/"+mention.id+"/read", ana.Token, nil, nil); code != 404 {
		t.Errorf("marking another person's notification: status %d, want 404", code)
	}
	s.requestJSON(t, "POST", "/api/notifications/read", ben.Token, nil, nil)
	s.requestJSON(t, "GET", "/api/notifications?unread=1", ben.Token, nil, &list)
	if len(list.Notifications) != 0 || list.Unread != 0 {
		t.Errorf("after marking all as read: %+v, want nothing unread", list)
	}
	s.requestJSON(t, "GET", "/api/notifications", ana.Token, nil, &list)
	if len(list.Notifications) != 0 {
		t.Errorf("the author was notified: %+v", list)
	}
	if code := s.requestJSON(t, "GET", "/api/notifications", "", nil, nil); code != 401 {
		t.Errorf("without a token: status %d, want 401", code)
	}
}

// TestOutboxIsProcessedAfterRestart checks that a mention is notified after a restart when
// the server stopped after it stored the message and before it notified anybody.
func TestOutboxIsProcessedAfterRestart(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, Config{Data: dir})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	s.joinRoom(t, ben, "r").ws.Close()
	s.cancel() // stops the processing of the outbox
	s.background.Wait()
	if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "@Ben hi"}, nil); code != 201 {
		t.Fatalf("posting: status %d, want 201", code)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	restarted := startServer(t, Config{Data: dir})
	deadline := time.Now().Add(10 * time.Second)
	for {
		var list inbox
		restarted.requestJSON(t, "GET", "/api/notifications", ben.Token, nil, &list)
		if len(list.Notifications) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("no notification after 10 s")
		}
	}
}
