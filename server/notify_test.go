package server

import (
	"testing"
	"time"
)

type inbox struct {
	Notifications  []map[string]any
	Unread, Unseen int
}

func TestMentionReachesTheInboxAndTheOpenTab(t *testing.T) {
	s := startServer(t, Config{})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	s.joinRoom(t, ben, "class/7 notes") // so that the room knows Ben
	stream := s.openEvents(t, ben.Token, "")
	if first := stream.readEvent(); first.name != "connected" || first.data["recovered"] != true {
		t.Fatalf("the first event: %+v", first)
	}
	post := func(id, text string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/class%2F7%20notes/messages", ana.Token, map[string]string{"id": id, "text": text}, nil); code != 201 {
			t.Fatalf("post: %d", code)
		}
	}
	post("m1", "nobody is named here")
	post("m2", "@Ben look")
	post("m2", "@Ben look")
	one := stream.readEvent()
	if one.name != "notification" || one.id == "" || one.data["kind"] != "mention" || one.data["title"] != "Ana mentioned you" ||
		one.data["body"] != "@Ben look" || one.data["url"] != "/s/class/7%20notes#m=m2" || one.data["room"] != "class/7 notes" {
		t.Errorf("notification %+v", one)
	}
	post("m3", "@room and @ben again")
	two := stream.readEvent()
	var list inbox
	s.requestJSON(t, "GET", "/api/notifications", ben.Token, nil, &list)
	if len(list.Notifications) != 2 || list.Unread != 2 || list.Unseen != 2 {
		t.Errorf("inbox %+v", list)
	}
	// A stream that comes back gets what it missed.
	again := s.openEvents(t, ben.Token, one.id)
	if first := again.readEvent(); first.data["recovered"] != true {
		t.Errorf("%+v", first)
	}
	if missed := again.readEvent(); missed.id != two.id {
		t.Errorf("missed %+v, want %s", missed, two.id)
	}
	lost := s.openEvents(t, ben.Token, "no-such-event")
	if first := lost.readEvent(); first.data["recovered"] != false {
		t.Errorf("%+v", first)
	}
	// Reading it on one device is told to the others.
	if code := s.requestJSON(t, "POST", "/api/notifications/"+one.id+"/read", ben.Token, nil, nil); code != 204 {
		t.Errorf("read: %d", code)
	}
	if counts := again.readEvent(); counts.name != "counts" || counts.data["unread"] != 1.0 {
		t.Errorf("%+v", counts)
	}
	if code := s.requestJSON(t, "POST", "/api/notifications/"+one.id+"/read", ana.Token, nil, nil); code != 404 {
		t.Errorf("somebody else's: %d", code)
	}
	s.requestJSON(t, "POST", "/api/notifications/read", ben.Token, nil, nil)
	s.requestJSON(t, "GET", "/api/notifications?unread=1", ben.Token, nil, &list)
	if len(list.Notifications) != 0 || list.Unread != 0 {
		t.Errorf("after reading all: %+v", list)
	}
	s.requestJSON(t, "GET", "/api/notifications", ana.Token, nil, &list)
	if len(list.Notifications) != 0 {
		t.Errorf("the author was told: %+v", list)
	}
	if code := s.requestJSON(t, "GET", "/api/notifications", "", nil, nil); code != 401 {
		t.Errorf("without a token: %d", code)
	}
}

// TestFactsOfAnEarlierLifeAreHandled: a message was stored and the server died
// before anybody was notified.
func TestOutboxIsProcessedAfterRestart(t *testing.T) {
	dir := t.TempDir()
	s := startServer(t, Config{Data: dir})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	s.joinRoom(t, ben, "r").ws.Close()
	s.cancel() // the outbox is not handled any more
	s.background.Wait()
	if code := s.requestJSON(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "@Ben hi"}, nil); code != 201 {
		t.Fatal(code)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := startServer(t, Config{Data: dir})
	deadline := time.Now().Add(10 * time.Second)
	for {
		var list inbox
		again.requestJSON(t, "GET", "/api/notifications", ben.Token, nil, &list)
		if len(list.Notifications) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the mention is lost")
		}
	}
}
