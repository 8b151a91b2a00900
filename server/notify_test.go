package server

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// sse is an open stream of events.
type sse struct {
	t     *testing.T
	lines *bufio.Scanner
	code  int
}

func (s *site) events(t *testing.T, token, last string, query ...string) *sse {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+s.host+"/api/events?"+strings.Join(query, "&"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); answer.Body.Close() })
	return &sse{t, bufio.NewScanner(answer.Body), answer.StatusCode}
}

type sseEvent struct {
	id, name string
	data     map[string]any
}

// next reads one event.
func (e *sse) next() (ev sseEvent) {
	e.t.Helper()
	for e.lines.Scan() {
		key, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch key {
		case "id":
			ev.id = value
		case "event":
			ev.name = value
		case "data":
			if err := json.Unmarshal([]byte(value), &ev.data); err != nil {
				e.t.Fatal(err)
			}
		case "":
			if ev.name != "" {
				return ev
			}
		}
	}
	e.t.Fatalf("the stream has ended: %v", e.lines.Err())
	return ev
}

type inbox struct {
	Notifications  []map[string]any
	Unread, Unseen int
}

func TestMentionReachesTheInboxAndTheOpenTab(t *testing.T) {
	s := run(t, Config{})
	ana, ben := s.guest(t, "Ana"), s.guest(t, "Ben")
	s.enter(t, ben, "class/7 notes") // so that the room knows Ben
	stream := s.events(t, ben.Token, "")
	if first := stream.next(); first.name != "connected" || first.data["recovered"] != true {
		t.Fatalf("the first event: %+v", first)
	}
	post := func(id, text string) {
		t.Helper()
		if code := s.call(t, "POST", "/api/rooms/class%2F7%20notes/messages", ana.Token, map[string]string{"id": id, "text": text}, nil); code != 201 {
			t.Fatalf("post: %d", code)
		}
	}
	post("m1", "nobody is named here")
	post("m2", "@Ben look")
	post("m2", "@Ben look")
	one := stream.next()
	if one.name != "notification" || one.id == "" || one.data["kind"] != "mention" || one.data["title"] != "Ana mentioned you" ||
		one.data["body"] != "@Ben look" || one.data["url"] != "/s/class/7%20notes#m=m2" || one.data["room"] != "class/7 notes" {
		t.Errorf("notification %+v", one)
	}
	post("m3", "@room and @ben again")
	two := stream.next()
	var list inbox
	s.call(t, "GET", "/api/notifications", ben.Token, nil, &list)
	if len(list.Notifications) != 2 || list.Unread != 2 || list.Unseen != 2 {
		t.Errorf("inbox %+v", list)
	}
	// A stream that comes back gets what it missed.
	again := s.events(t, ben.Token, one.id)
	if first := again.next(); first.data["recovered"] != true {
		t.Errorf("%+v", first)
	}
	if missed := again.next(); missed.id != two.id {
		t.Errorf("missed %+v, want %s", missed, two.id)
	}
	lost := s.events(t, ben.Token, "no-such-event")
	if first := lost.next(); first.data["recovered"] != false {
		t.Errorf("%+v", first)
	}
	// Reading it on one device is told to the others.
	if code := s.call(t, "POST", "/api/notifications/"+one.id+"/read", ben.Token, nil, nil); code != 204 {
		t.Errorf("read: %d", code)
	}
	if counts := again.next(); counts.name != "counts" || counts.data["unread"] != 1.0 {
		t.Errorf("%+v", counts)
	}
	if code := s.call(t, "POST", "/api/notifications/"+one.id+"/read", ana.Token, nil, nil); code != 404 {
		t.Errorf("somebody else's: %d", code)
	}
	s.call(t, "POST", "/api/notifications/read", ben.Token, nil, nil)
	s.call(t, "GET", "/api/notifications?unread=1", ben.Token, nil, &list)
	if len(list.Notifications) != 0 || list.Unread != 0 {
		t.Errorf("after reading all: %+v", list)
	}
	s.call(t, "GET", "/api/notifications", ana.Token, nil, &list)
	if len(list.Notifications) != 0 {
		t.Errorf("the author was told: %+v", list)
	}
	if code := s.call(t, "GET", "/api/notifications", "", nil, nil); code != 401 {
		t.Errorf("without a token: %d", code)
	}
}

// TestFactsOfAnEarlierLifeAreHandled: a message was stored and the server died
// before anybody was notified.
func TestFactsOfAnEarlierLifeAreHandled(t *testing.T) {
	dir := t.TempDir()
	s := run(t, Config{Data: dir})
	ana, ben := s.guest(t, "Ana"), s.guest(t, "Ben")
	s.enter(t, ben, "r").ws.Close()
	s.cancel() // the outbox is not handled any more
	s.background.Wait()
	if code := s.call(t, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "@Ben hi"}, nil); code != 201 {
		t.Fatal(code)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := run(t, Config{Data: dir})
	deadline := time.Now().Add(10 * time.Second)
	for {
		var list inbox
		again.call(t, "GET", "/api/notifications", ben.Token, nil, &list)
		if len(list.Notifications) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the mention is lost")
		}
	}
}
