package server

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"weft/server/auth"
	"weft/server/store"
)

// TestAConversationOverBothDoors: what is edited, deleted, reacted to and
// answered over one door is told of at the other, and refused alike.
func TestChatIsTheSameOverBothDoors(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	anaWho, benWho := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	ana, ben := s.joinRoom(t, anaWho, "a/b"), s.joinRoom(t, benWho, "a/b")
	const room = "/api/rooms/a%2Fb"
	s.postMessage(t, "a/b", anaWho.Token, map[string]any{"id": "m1", "text": "first"})

	// Edits.
	var m store.Message
	if code := s.requestJSON(t, "PATCH", room+"/messages/m1", anaWho.Token, map[string]any{"text": "second"}, &m); code != 200 || m.Version != 2 || m.EditedAt == nil {
		t.Fatalf("edit: %d %+v", code, m)
	}
	ben.waitForChange("m1", "text=second", "version=2")
	ana.sendRequest("edit", map[string]any{"id": "m1", "text": "third", "version": 2})
	ben.waitForChange("m1", "text=third", "version=3")
	for _, c := range []struct {
		token  string
		body   map[string]any
		status int
	}{
		{anaWho.Token, map[string]any{"text": "late", "version": 2}, 412},
		{anaWho.Token, map[string]any{"text": "  "}, 422},
		{benWho.Token, map[string]any{"text": "mine now"}, 403},
	} {
		if code := s.requestJSON(t, "PATCH", room+"/messages/m1", c.token, c.body, nil); code != c.status {
			t.Errorf("edit %v: %d, want %d", c.body, code, c.status)
		}
		who := ana
		if c.token == benWho.Token {
			who = ben
		}
		c.body["id"] = "m1"
		if answer := who.sendRequest("edit", c.body); fmt.Sprint(answer["status"]) != fmt.Sprint(c.status) {
			t.Errorf("edit %v on the socket: %v, want %d", c.body, answer, c.status)
		}
	}
	if code := s.requestJSON(t, "PATCH", room+"/messages/none", anaWho.Token, map[string]any{"text": "x"}, nil); code != 404 {
		t.Errorf("editing nothing: %d", code)
	}

	// Reactions, by people who have not written it.
	thumb := room + "/messages/m1/reactions/" + url.PathEscape("👍🏽")
	for range 2 {
		if code := s.requestJSON(t, "PUT", thumb, benWho.Token, nil, &m); code != 200 || len(m.Reactions) != 1 || m.Version != 3 {
			t.Errorf("react: %d %+v", code, m)
		}
	}
	ana.sendRequest("react", map[string]any{"id": "m1", "emoji": "👍🏽", "on": true})
	ben.waitForChange("m1", fmt.Sprintf("reactions=[map[emoji:👍🏽 users:[%s %s]]]", benWho.User.ID, anaWho.User.ID))
	if code := s.requestJSON(t, "DELETE", thumb, benWho.Token, nil, &m); code != 200 || len(m.Reactions) != 1 || len(m.Reactions[0].Users) != 1 {
		t.Errorf("no longer: %d %+v", code, m)
	}
	for _, bad := range []string{"ok", "<b>", " ", "👍👍", "\xff"} {
		if code := s.requestJSON(t, "PUT", room+"/messages/m1/reactions/"+url.PathEscape(bad), benWho.Token, nil, nil); code != 422 {
			t.Errorf("react with %q: %d", bad, code)
		}
	}

	// Threads.
	ben.sendEvent(1, "send", map[string]string{"id": "r1", "text": "answer", "thread": "m1"})
	replies := func(n int) func(received) bool {
		return func(g received) bool {
			replies, _ := g.value["replies"].(map[string]any)
			return g.name == "message.changed" && fmt.Sprint(replies["count"]) == fmt.Sprint(n)
		}
	}
	ana.waitFor("one reply", replies(1))
	if r := s.postMessage(t, "a/b", anaWho.Token, map[string]any{"id": "r2", "text": "answer to that", "thread": "r1"}); r.Thread != "m1" {
		t.Errorf("thread %q", r.Thread)
	}
	root := ben.waitFor("two replies", replies(2)).value
	if people := fmt.Sprint(root["replies"].(map[string]any)["people"]); !strings.Contains(people, "Ana") || !strings.Contains(people, "Ben") {
		t.Errorf("people of the thread: %s", people)
	}
	if code := s.requestJSON(t, "POST", room+"/messages", anaWho.Token, map[string]any{"text": "to nothing", "thread": "none"}, nil); code != 404 {
		t.Errorf("a reply to nothing: %d", code)
	}
	var page struct {
		Messages []store.Message
		Rev      store.Rev
	}
	s.requestJSON(t, "GET", room+"/messages?thread=m1", anaWho.Token, nil, &page)
	if len(page.Messages) != 2 || page.Messages[0].ID != "r1" || page.Messages[1].ID != "r2" {
		t.Errorf("the thread: %+v", page.Messages)
	}

	// Deletion.
	if code := s.requestJSON(t, "DELETE", room+"/messages/m1", benWho.Token, nil, nil); code != 403 {
		t.Errorf("deleting somebody else's: %d", code)
	}
	rev := page.Rev
	ana.sendRequest("delete", map[string]any{"id": "m1"})
	ben.waitForChange("m1", "deleted=true", "text=", "reactions=[]")
	for range 2 {
		if code := s.requestJSON(t, "DELETE", room+"/messages/m1", anaWho.Token, nil, &m); code != 200 || !m.Deleted || m.Text != "" {
			t.Errorf("deleting again: %d %+v", code, m)
		}
	}
	if code := s.requestJSON(t, "PATCH", room+"/messages/m1", anaWho.Token, map[string]any{"text": "back"}, nil); code != 410 {
		t.Errorf("editing what is deleted: %d", code)
	}

	// What was away learns it all.
	s.requestJSON(t, "GET", fmt.Sprintf("%s/messages?changed=%d", room, rev), anaWho.Token, nil, &page)
	if len(page.Messages) != 1 || page.Messages[0].ID != "m1" || !page.Messages[0].Deleted || page.Rev != page.Messages[0].Rev {
		t.Errorf("changed since %d: %+v", rev, page)
	}
	if code := s.requestJSON(t, "GET", room+"/messages/r2", anaWho.Token, nil, &m); code != 200 || m.ID != "r2" {
		t.Errorf("one message: %d %+v", code, m)
	}
}

// TestEditedMentionsRingOnce: whoever an edit names for the first time is told,
// and nobody twice; a deleted message tells nobody any more.
func TestEditNotifiesNewMentionsOnce(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana, ben, cid := s.createGuest(t, "Ana"), s.createGuest(t, "Ben"), s.createGuest(t, "Cid")
	for _, g := range []testUser{ben, cid} {
		s.joinRoom(t, g, "r").ws.Close()
	}
	s.postMessage(t, "r", ana.Token, map[string]any{"id": "m1", "text": "hi @Ben"})
	for _, text := range []string{"hi @Ben!", "hi @Cid and @Ben", "hi @Cid", "hi @Ben and @Cid again"} {
		if code := s.requestJSON(t, "PATCH", "/api/rooms/r/messages/m1", ana.Token, map[string]any{"text": text}, nil); code != 200 {
			t.Fatalf("edit: %d", code)
		}
	}
	s.postMessage(t, "r", ana.Token, map[string]any{"id": "m2", "text": "@room last"})
	for _, g := range []testUser{ben, cid} {
		deadline := time.Now().Add(90 * time.Second)
		for {
			var list inbox
			s.requestJSON(t, "GET", "/api/notifications", g.Token, nil, &list)
			// The last message's is the last to come.
			if strings.Contains(fmt.Sprint(list.Notifications), "#m=m2") {
				if len(list.Notifications) != 2 {
					t.Errorf("%s has %d notifications: %v", g.User.Name, len(list.Notifications), list.Notifications)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s was not told: %v", g.User.Name, list.Notifications)
			}
		}
	}
}

// TestRepliesRing: whoever began a thread or wrote in it is told of the next
// reply, once, and what is deleted leaves no word behind in anybody's inbox.
func TestRepliesNotifyTheThread(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana, ben, cid := s.createGuest(t, "Ana"), s.createGuest(t, "Ben"), s.createGuest(t, "Cid")
	s.joinRoom(t, cid, "r").ws.Close()
	s.postMessage(t, "r", ana.Token, map[string]any{"id": "root", "text": "question"})
	s.postMessage(t, "r", ben.Token, map[string]any{"id": "r1", "text": "first secret", "thread": "root"})
	s.postMessage(t, "r", ana.Token, map[string]any{"id": "r2", "text": "thanks @Cid", "thread": "r1"})
	s.postMessage(t, "r", ben.Token, map[string]any{"id": "r3", "text": "you are welcome", "thread": "root"})
	s.requestJSON(t, "DELETE", "/api/rooms/r/messages/r1", ben.Token, nil, nil)
	s.postMessage(t, "r", cid.Token, map[string]any{"id": "last", "text": "so am I", "thread": "root"})
	want := map[string]string{
		"Ana": "reply r#m=last so am I; reply r#m=r3 you are welcome; reply r#m=r1 ;",
		"Ben": "reply r#m=last so am I; reply r#m=r2 thanks @Cid;",
		"Cid": "mention r#m=r2 thanks @Cid;",
	}
	for _, g := range []testUser{ana, ben, cid} {
		deadline := time.Now().Add(90 * time.Second)
		for {
			var list inbox
			s.requestJSON(t, "GET", "/api/notifications", g.Token, nil, &list)
			got := ""
			for _, n := range list.Notifications {
				got += fmt.Sprint(n["kind"], " ", strings.TrimPrefix(n["url"].(string), "/s/"), " ", n["body"], "; ")
			}
			if got = strings.TrimSpace(got); got == want[g.User.Name] {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s was told %s, want %s", g.User.Name, got, want[g.User.Name])
			}
		}
	}
}

// TestWhoIsShutOutIsNotMentioned: what a backend has taken away ends mentions
// too, whatever the person's token says.
func TestPersonWithoutReadAccessIsNotMentioned(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limits: "lab"})
	all := auth.Grant{Pattern: "**", Role: auth.Write}
	ana, ben := s.newUser(t, "ana", all), s.newUser(t, "ben", all)
	s.joinRoom(t, ben, "r").ws.Close()
	if m := s.postMessage(t, "r", ana.Token, map[string]any{"text": "@ben"}); len(m.Mentions) != 1 {
		t.Fatalf("%+v", m)
	}
	s.access.Set("ben", []auth.Grant{{Pattern: "r", Role: auth.None}})
	if m := s.postMessage(t, "r", ana.Token, map[string]any{"text": "@ben"}); len(m.Mentions) != 0 {
		t.Errorf("somebody who may not read was mentioned: %+v", m)
	}
}

// TestReadMarksReachTheOtherTabs: a mark made over one door is told to all tabs
// of its person, and to nobody else.
func TestReadMarksReachThePersonsOtherConnections(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	s.postMessage(t, "r", ana.Token, map[string]any{"id": "m0", "text": "long ago"})
	here, elsewhere := s.joinRoom(t, ben, "r"), s.joinRoom(t, ben, "other")
	other := s.joinRoom(t, ana, "r")
	stream := s.openEvents(t, ben.Token, "")
	stream.readEvent()
	for i := range 3 {
		s.postMessage(t, "r", ana.Token, map[string]any{"text": fmt.Sprint("@Ben ", i)})
	}
	var rooms struct {
		Rooms []store.RoomUnread
		Next  store.RoomID
	}
	s.requestJSON(t, "GET", "/api/rooms", ben.Token, nil, &rooms)
	if len(rooms.Rooms) != 2 || rooms.Rooms[0].Room != "other" || rooms.Rooms[1].Unread != (store.Unread{Read: 1, Count: 3, Mentions: 3, LastSeq: 4}) || rooms.Next != "r" {
		t.Errorf("rooms %+v", rooms)
	}
	told := func(c *nativeClient, want string) {
		t.Helper()
		read := c.waitFor("the mark", func(g received) bool { return g.name == "read" })
		if read.channel != 0 || fmt.Sprint(read.value) != want {
			t.Errorf("on channel %d: %v, want %s", read.channel, read.value, want)
		}
	}
	tells := func(want string) {
		t.Helper()
		for {
			e := stream.readEvent()
			if e.name == "notification" {
				continue
			}
			if e.name != "read" || fmt.Sprint(e.data) != want {
				t.Errorf("the stream says %s %v, want %s", e.name, e.data, want)
			}
			return
		}
	}
	answer := here.sendRequest("read", map[string]any{"seq": 3})
	want := "map[lastSeq:4 mentions:1 read:3 room:r unread:1]"
	if fmt.Sprint(answer["read"]) != strings.Replace(want, " room:r", "", 1) {
		t.Errorf("answer %v", answer)
	}
	told(elsewhere, want)
	tells(want)
	var u store.Unread
	if code := s.requestJSON(t, "POST", "/api/rooms/r/read", ben.Token, map[string]any{"seq": 4}, &u); code != 200 || u != (store.Unread{Read: 4, LastSeq: 4}) {
		t.Errorf("%d %+v", code, u)
	}
	want = "map[lastSeq:4 mentions:0 read:4 room:r unread:0]"
	told(elsewhere, want)
	tells(want)
	s.requestJSON(t, "GET", "/api/rooms/r/read", ben.Token, nil, &u)
	if u != (store.Unread{Read: 4, LastSeq: 4}) {
		t.Errorf("%+v", u)
	}
	// Who comes later hears it when they join.
	late := s.dialNative(t)
	late.sendEvent(0, "hello", map[string]string{"token": ben.Token})
	late.sendEvent(0, "join", map[string]any{"channel": 1, "room": "r"})
	if joined := late.waitForEvent("joined"); fmt.Sprint(joined["read"]) != "map[lastSeq:4 mentions:0 read:4 unread:0]" || fmt.Sprint(joined["lastRev"]) != "4" {
		t.Errorf("joined %v", joined)
	}
	// It was nobody else's business.
	other.sendEvent(0, "ping", map[string]any{})
	other.waitFor("the pong", func(g received) bool {
		if g.name == "read" {
			t.Error("somebody else was told")
		}
		return g.name == "pong"
	})
	for _, c := range []struct {
		token  string
		body   any
		status int
	}{{"", map[string]any{"seq": 1}, 401}, {ben.Token, map[string]any{}, 400}, {ben.Token, map[string]any{"seq": -1}, 400}, {ben.Token, map[string]any{"seq": "1"}, 400}} {
		if code := s.requestJSON(t, "POST", "/api/rooms/r/read", c.token, c.body, nil); code != c.status {
			t.Errorf("%v: %d, want %d", c.body, code, c.status)
		}
	}
}

// TestSearchFollowsTheChat: what is found is what is said now, in this room.
func TestSearchFollowsTheChat(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	ana := s.createGuest(t, "Ana")
	for i, text := range []string{"Osmosis moves water", "nothing", "osmosis, again"} {
		s.postMessage(t, "a/b", ana.Token, map[string]any{"id": fmt.Sprint("m", i), "text": text})
	}
	s.postMessage(t, "elsewhere", ana.Token, map[string]any{"text": "osmosis"})
	find := func(query string) (found string) {
		t.Helper()
		var got struct {
			Results []struct {
				Message store.Message
				Snippet struct {
					Text  string
					Marks [][2]int
				}
			}
		}
		if code := s.requestJSON(t, "GET", "/api/rooms/a%2Fb/search?q="+url.QueryEscape(query), ana.Token, nil, &got); code != 200 {
			t.Fatalf("search for %q: %d", query, code)
		}
		for _, r := range got.Results {
			found += fmt.Sprint(r.Message.ID, " ", r.Snippet.Text, r.Snippet.Marks, ";")
		}
		return found
	}
	for query, want := range map[string]string{
		"osmo":        "m2 osmosis, again[[0 7]];m0 Osmosis moves water[[0 7]];",
		"water moves": "m0 Osmosis moves water[[8 5] [14 5]];",
		`"`:           "",
		"forms : *":   "",
		"":            "",
	} {
		if got := find(query); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	s.requestJSON(t, "PATCH", "/api/rooms/a%2Fb/messages/m0", ana.Token, map[string]any{"text": "diffusion"}, nil)
	s.requestJSON(t, "DELETE", "/api/rooms/a%2Fb/messages/m2", ana.Token, nil, nil)
	if got := find("osmosis"); got != "" {
		t.Errorf("found %s", got)
	}
	if got := find("diffusion"); got != "m0 diffusion[[0 9]];" {
		t.Errorf("found %s", got)
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/a%2Fb/search?q="+strings.Repeat("x", 201), ana.Token, nil, nil); code != 422 {
		t.Errorf("a long query: %d", code)
	}
}

// TestLinesSayWhoIsNew: once, whatever reloads come, and nothing of readers.
func TestFirstJoinMakesOneSystemMessage(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limits: "lab"})
	everywhere := func(role auth.Role) auth.Grant { return auth.Grant{Pattern: "**", Role: role} }
	ana, ben := s.newUser(t, "ana", everywhere(auth.Comment)), s.newUser(t, "ben", everywhere(auth.Write))
	lines := func(n int) (list struct{ Lines []store.SystemMessage }) {
		t.Helper()
		for deadline := time.Now().Add(90 * time.Second); len(list.Lines) != n; {
			s.requestJSON(t, "GET", "/api/rooms/r/lines", ana.Token, nil, &list)
			if time.Now().After(deadline) {
				t.Fatalf("lines %+v, want %d", list.Lines, n)
			}
		}
		return list
	}
	watcher := s.joinRoom(t, ana, "r")
	lines(1)
	s.joinRoom(t, s.newUser(t, "reader", everywhere(auth.Read)), "r")
	s.postMessage(t, "r", ana.Token, map[string]any{"text": "hello"})
	for range 3 {
		s.joinRoom(t, ben, "r").ws.Close()
	}
	line := watcher.waitFor("a line about Ben", func(g received) bool { return g.name == "line" && strings.Contains(fmt.Sprint(g.value), "ben") }).value
	if line["kind"] != "joined" || fmt.Sprint(line["after"]) != "1" || fmt.Sprint(line["n"]) != "2" {
		t.Errorf("line %v", line)
	}
	if list := lines(2); list.Lines[0].User.ID != "ana" || list.Lines[1].User.ID != "ben" {
		t.Errorf("lines %+v", list.Lines)
	}
}

// TestRolesHoldInTheChat: who may read reads and marks, who may comment writes,
// changes what is theirs and reacts, who administers changes anybody's, and
// nobody anything more, over both doors.
func TestRolesLimitChat(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limits: "lab"})
	author := s.newUser(t, "author", auth.Grant{Pattern: "**", Role: auth.Comment})
	thumb := "/reactions/" + url.PathEscape("👍")
	for _, role := range []auth.Role{auth.None, auth.Read, auth.Comment, auth.Write, auth.Admin} {
		room := "room-" + role.String()
		s.postMessage(t, room, author.Token, map[string]any{"id": "m1", "text": "theirs"})
		path := "/api/rooms/" + room
		g := s.newUser(t, "ana", auth.Grant{Pattern: room, Role: role})
		status := func(min auth.Role, good int) int {
			if role < min {
				return 403
			}
			return good
		}
		for _, c := range []struct {
			method, path string
			body         any
			status       int
		}{
			{"GET", "/messages", nil, status(auth.Read, 200)},
			{"GET", "/messages?changed=0", nil, status(auth.Read, 200)},
			{"GET", "/messages/m1", nil, status(auth.Read, 200)},
			{"GET", "/search?q=theirs", nil, status(auth.Read, 200)},
			{"GET", "/lines", nil, status(auth.Read, 200)},
			{"GET", "/read", nil, status(auth.Read, 200)},
			{"POST", "/read", map[string]any{"seq": 1}, status(auth.Read, 200)},
			{"POST", "/messages", map[string]any{"id": "mine", "text": "mine", "thread": "m1"}, status(auth.Comment, 201)},
			{"PATCH", "/messages/mine", map[string]any{"text": "mine too"}, status(auth.Comment, 200)},
			{"DELETE", "/messages/mine", nil, status(auth.Comment, 200)},
			{"PUT", "/messages/m1" + thumb, nil, status(auth.Comment, 200)},
			{"DELETE", "/messages/m1" + thumb, nil, status(auth.Comment, 200)},
			{"PATCH", "/messages/m1", map[string]any{"text": "tidied"}, status(auth.Admin, 200)},
			{"DELETE", "/messages/m1", nil, status(auth.Admin, 200)},
		} {
			if code := s.requestJSON(t, c.method, path+c.path, g.Token, c.body, nil); code != c.status {
				t.Errorf("%s %s as %s: %d, want %d", c.method, c.path, role, code, c.status)
			}
		}
		if role < auth.Read {
			continue // nobody joins
		}
		s.postMessage(t, room, author.Token, map[string]any{"id": "m2", "text": "theirs"})
		c := s.joinRoom(t, g, room)
		for _, q := range []struct {
			name string
			in   map[string]any
			min  auth.Role
		}{
			{"read", map[string]any{"seq": 1}, auth.Read},
			{"react", map[string]any{"id": "m2", "emoji": "👍", "on": true}, auth.Comment},
			{"react", map[string]any{"id": "m2", "emoji": "👍", "on": false}, auth.Comment},
			{"edit", map[string]any{"id": "m2", "text": "tidied"}, auth.Admin},
			{"delete", map[string]any{"id": "m2"}, auth.Admin},
		} {
			answer := c.sendRequest(q.name, q.in)
			if done := answer["status"] == nil; done != (role >= q.min) || !done && fmt.Sprint(answer["status"]) != "403" {
				t.Errorf("%s as %s: %v", q.name, role, answer)
			}
		}
	}
}
