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

// TestChatIsTheSameOverBothDoors checks that edits, deletions, reactions and replies over
// one door arrive at the other, and that both refuse the same requests.
func TestChatIsTheSameOverBothDoors(t *testing.T) {
	s := startServer(t, Config{Limits: "lab"})
	f := &chatFixture{s: s, anaUser: s.createGuest(t, "Ana"), benUser: s.createGuest(t, "Ben")}
	f.ana, f.ben = s.joinRoom(t, f.anaUser, "a/b"), s.joinRoom(t, f.benUser, "a/b")
	s.postMessage(t, "a/b", f.anaUser.Token, map[string]any{"id": "m1", "text": "first"})
	f.checkEdits(t)
	f.checkReactions(t)
	rev := f.checkThread(t)
	f.checkDeletion(t, rev)
}

// chatFixture is a room, a/b, with two native clients and message m1 of Ana.
type chatFixture struct {
	s                *testServer
	anaUser, benUser testUser
	ana, ben         *nativeClient
}

const chatFixtureRoom = "/api/rooms/a%2Fb"

// checkEdits edits m1 over both doors, and tries edits that must be refused.
func (f *chatFixture) checkEdits(t *testing.T) {
	t.Helper()
	var m store.Message
	if code := f.s.requestJSON(t, "PATCH", chatFixtureRoom+"/messages/m1", f.anaUser.Token, map[string]any{"text": "second"}, &m); code != 200 || m.Version != 2 || m.EditedAt == nil {
		t.Fatalf("edit: status %d, message %+v; want 200, version 2 and editedAt", code, m)
	}
	f.ben.waitForChange("m1", "text=second", "version=2")
	f.ana.sendRequest("edit", map[string]any{"id": "m1", "text": "third", "version": 2})
	f.ben.waitForChange("m1", "text=third", "version=3")
	for _, c := range []struct {
		token  string
		body   map[string]any
		status int
	}{
		{f.anaUser.Token, map[string]any{"text": "late", "version": 2}, 412},
		{f.anaUser.Token, map[string]any{"text": "  "}, 422},
		{f.benUser.Token, map[string]any{"text": "mine now"}, 403},
	} {
		if code := f.s.requestJSON(t, "PATCH", chatFixtureRoom+"/messages/m1", c.token, c.body, nil); code != c.status {
			t.Errorf("edit %v over HTTP: status %d, want %d", c.body, code, c.status)
		}
		conn := f.ana
		if c.token == f.benUser.Token {
			conn = f.ben
		}
		c.body["id"] = "m1"
		if answer := conn.sendRequest("edit", c.body); fmt.Sprint(answer["status"]) != fmt.Sprint(c.status) {
			t.Errorf("edit %v over the WebSocket: answer %v, want status %d", c.body, answer, c.status)
		}
	}
	if code := f.s.requestJSON(t, "PATCH", chatFixtureRoom+"/messages/none", f.anaUser.Token, map[string]any{"text": "x"}, nil); code != 404 {
		t.Errorf("editing an unknown message: status %d, want 404", code)
	}
}

// checkReactions adds and removes reactions of people other than the author.
func (f *chatFixture) checkReactions(t *testing.T) {
	t.Helper()
	var m store.Message
	thumb := chatFixtureRoom + "/messages/m1/reactions/" + url.PathEscape("👍🏽")
	for range 2 {
		if code := f.s.requestJSON(t, "PUT", thumb, f.benUser.Token, nil, &m); code != 200 || len(m.Reactions) != 1 || m.Version != 3 {
			t.Errorf("adding a reaction: status %d, message %+v; want 200, one reaction, version 3", code, m)
		}
	}
	f.ana.sendRequest("react", map[string]any{"id": "m1", "emoji": "👍🏽", "on": true})
	f.ben.waitForChange("m1", fmt.Sprintf("reactions=[map[emoji:👍🏽 users:[%s %s]]]", f.benUser.User.ID, f.anaUser.User.ID))
	if code := f.s.requestJSON(t, "DELETE", thumb, f.benUser.Token, nil, &m); code != 200 || len(m.Reactions) != 1 || len(m.Reactions[0].Users) != 1 {
		t.Errorf("removing a reaction: status %d, message %+v; want 200 and one person's reaction", code, m)
	}
	for _, bad := range []string{"ok", "<b>", " ", "👍👍", "\xff"} {
		if code := f.s.requestJSON(t, "PUT", chatFixtureRoom+"/messages/m1/reactions/"+url.PathEscape(bad), f.benUser.Token, nil, nil); code != 422 {
			t.Errorf("reaction %q: status %d, want 422", bad, code)
		}
	}
}

// checkThread posts replies to m1 and to a reply. It returns the room's rev.
func (f *chatFixture) checkThread(t *testing.T) store.Rev {
	t.Helper()
	f.ben.sendEvent(1, "send", map[string]string{"id": "r1", "text": "answer", "thread": "m1"})
	replies := func(n int) func(received) bool {
		return func(g received) bool {
			replies, _ := g.value["replies"].(map[string]any)
			return g.name == "message.changed" && fmt.Sprint(replies["count"]) == fmt.Sprint(n)
		}
	}
	f.ana.waitFor("one reply", replies(1))
	if r := f.s.postMessage(t, "a/b", f.anaUser.Token, map[string]any{"id": "r2", "text": "answer to that", "thread": "r1"}); r.Thread != "m1" {
		t.Errorf("a reply to a reply is in thread %q, want m1", r.Thread)
	}
	root := f.ben.waitFor("two replies", replies(2)).value
	if people := fmt.Sprint(root["replies"].(map[string]any)["people"]); !strings.Contains(people, "Ana") || !strings.Contains(people, "Ben") {
		t.Errorf("the people of the thread are %s, want Ana and Ben", people)
	}
	if code := f.s.requestJSON(t, "POST", chatFixtureRoom+"/messages", f.anaUser.Token, map[string]any{"text": "to nothing", "thread": "none"}, nil); code != 404 {
		t.Errorf("a reply to an unknown message: status %d, want 404", code)
	}
	var page struct {
		Messages []store.Message
		Rev      store.Rev
	}
	f.s.requestJSON(t, "GET", chatFixtureRoom+"/messages?thread=m1", f.anaUser.Token, nil, &page)
	if len(page.Messages) != 2 || page.Messages[0].ID != "r1" || page.Messages[1].ID != "r2" {
		t.Errorf("the thread is %+v, want r1 and r2", page.Messages)
	}
	return page.Rev
}

// checkDeletion deletes m1, and checks that a client at rev learns of it.
func (f *chatFixture) checkDeletion(t *testing.T, rev store.Rev) {
	t.Helper()
	var m store.Message
	var page struct {
		Messages []store.Message
		Rev      store.Rev
	}
	if code := f.s.requestJSON(t, "DELETE", chatFixtureRoom+"/messages/m1", f.benUser.Token, nil, nil); code != 403 {
		t.Errorf("deleting another person's message: status %d, want 403", code)
	}
	f.ana.sendRequest("delete", map[string]any{"id": "m1"})
	f.ben.waitForChange("m1", "deleted=true", "text=", "reactions=[]")
	for range 2 {
		if code := f.s.requestJSON(t, "DELETE", chatFixtureRoom+"/messages/m1", f.anaUser.Token, nil, &m); code != 200 || !m.Deleted || m.Text != "" {
			t.Errorf("deleting again: status %d, message %+v; want 200, deleted, no text", code, m)
		}
	}
	if code := f.s.requestJSON(t, "PATCH", chatFixtureRoom+"/messages/m1", f.anaUser.Token, map[string]any{"text": "back"}, nil); code != 410 {
		t.Errorf("editing a deleted message: status %d, want 410", code)
	}

	// A client that was disconnected gets the last state of each changed message.
	f.s.requestJSON(t, "GET", fmt.Sprintf("%s/messages?changed=%d", chatFixtureRoom, rev), f.anaUser.Token, nil, &page)
	if len(page.Messages) != 1 || page.Messages[0].ID != "m1" || !page.Messages[0].Deleted || page.Rev != page.Messages[0].Rev {
		t.Errorf("changed=%d returns %+v, want the deleted m1", rev, page)
	}
	if code := f.s.requestJSON(t, "GET", chatFixtureRoom+"/messages/r2", f.anaUser.Token, nil, &m); code != 200 || m.ID != "r2" {
		t.Errorf("GET of one message: status %d, %+v; want 200 and r2", code, m)
	}
}

// TestEditNotifiesNewMentionsOnce checks that an edit notifies a person who is mentioned
// for the first time, and that nobody is notified twice about one message.
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
			// The notification about m2 is the last one.
			if strings.Contains(fmt.Sprint(list.Notifications), "#m=m2") {
				if len(list.Notifications) != 2 {
					t.Errorf("%s has %d notifications, want 2: %v", g.User.Name, len(list.Notifications), list.Notifications)
				}
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s is not notified of m2: %v", g.User.Name, list.Notifications)
			}
		}
	}
}

// TestRepliesNotifyTheThread checks that the authors in a thread are notified once of each
// later reply, and that the text of a deleted message disappears from every inbox.
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
				t.Fatalf("%s has the notifications %s, want %s", g.User.Name, got, want[g.User.Name])
			}
		}
	}
}

// TestPersonWithoutReadAccessIsNotMentioned checks that a ceiling below read ends mentions
// too, although the person's token still grants access.
func TestPersonWithoutReadAccessIsNotMentioned(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limits: "lab"})
	all := auth.Grant{Pattern: "**", Role: auth.Write}
	ana, ben := s.newUser(t, "ana", all), s.newUser(t, "ben", all)
	s.joinRoom(t, ben, "r").ws.Close()
	if m := s.postMessage(t, "r", ana.Token, map[string]any{"text": "@ben"}); len(m.Mentions) != 1 {
		t.Fatalf("got %+v, want one mention", m)
	}
	s.access.Set("ben", []auth.Grant{{Pattern: "r", Role: auth.None}})
	if m := s.postMessage(t, "r", ana.Token, map[string]any{"text": "@ben"}); len(m.Mentions) != 0 {
		t.Errorf("a person without read access is mentioned: %+v", m)
	}
}

// TestReadMarksReachThePersonsOtherConnections checks that a new read position is sent to
// all connections and streams of the person, and to nobody else.
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
		t.Errorf("GET /api/rooms returns %+v", rooms)
	}
	wantOnConnection := func(c *nativeClient, want string) {
		t.Helper()
		read := c.waitFor("the read event", func(g received) bool { return g.name == "read" })
		if read.channel != 0 || fmt.Sprint(read.value) != want {
			t.Errorf("read event %v on channel %d, want %s on channel 0", read.value, read.channel, want)
		}
	}
	wantOnStream := func(want string) {
		t.Helper()
		for {
			e := stream.readEvent()
			if e.name == "notification" {
				continue
			}
			if e.name != "read" || fmt.Sprint(e.data) != want {
				t.Errorf("the stream has %s %v, want read %s", e.name, e.data, want)
			}
			return
		}
	}
	answer := here.sendRequest("read", map[string]any{"seq": 3})
	want := "map[lastSeq:4 mentions:1 read:3 room:r unread:1]"
	if fmt.Sprint(answer["read"]) != strings.Replace(want, " room:r", "", 1) {
		t.Errorf("the answer is %v, want %s without the room", answer, want)
	}
	wantOnConnection(elsewhere, want)
	wantOnStream(want)
	var u store.Unread
	if code := s.requestJSON(t, "POST", "/api/rooms/r/read", ben.Token, map[string]any{"seq": 4}, &u); code != 200 || u != (store.Unread{Read: 4, LastSeq: 4}) {
		t.Errorf("POST read: status %d, %+v; want 200, all 4 read", code, u)
	}
	want = "map[lastSeq:4 mentions:0 read:4 room:r unread:0]"
	wantOnConnection(elsewhere, want)
	wantOnStream(want)
	s.requestJSON(t, "GET", "/api/rooms/r/read", ben.Token, nil, &u)
	if u != (store.Unread{Read: 4, LastSeq: 4}) {
		t.Errorf("GET read returns %+v, want all 4 read", u)
	}
	// A connection that joins later gets the position with "joined".
	late := s.dialNative(t)
	late.sendEvent(0, "hello", map[string]string{"token": ben.Token})
	late.sendEvent(0, "join", map[string]any{"channel": 1, "room": "r"})
	if joined := late.waitForEvent("joined"); fmt.Sprint(joined["read"]) != "map[lastSeq:4 mentions:0 read:4 unread:0]" || fmt.Sprint(joined["lastRev"]) != "4" {
		t.Errorf("joined is %v, want all 4 read and lastRev 4", joined)
	}
	// Other people receive no read event.
	other.sendEvent(0, "ping", map[string]any{})
	other.waitFor("the pong", func(g received) bool {
		if g.name == "read" {
			t.Error("another person received the read event")
		}
		return g.name == "pong"
	})
	for _, c := range []struct {
		token  string
		body   any
		status int
	}{{"", map[string]any{"seq": 1}, 401}, {ben.Token, map[string]any{}, 400}, {ben.Token, map[string]any{"seq": -1}, 400}, {ben.Token, map[string]any{"seq": "1"}, 400}} {
		if code := s.requestJSON(t, "POST", "/api/rooms/r/read", c.token, c.body, nil); code != c.status {
			t.Errorf("POST read %v: status %d, want %d", c.body, code, c.status)
		}
	}
}

// TestSearchFollowsTheChat checks that search finds the current texts of this room only,
// also after edits and deletions.
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
			t.Fatalf("search for %q: status %d, want 200", query, code)
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
			t.Errorf("search for %q: got %s, want %s", query, got, want)
		}
	}
	s.requestJSON(t, "PATCH", "/api/rooms/a%2Fb/messages/m0", ana.Token, map[string]any{"text": "diffusion"}, nil)
	s.requestJSON(t, "DELETE", "/api/rooms/a%2Fb/messages/m2", ana.Token, nil, nil)
	if got := find("osmosis"); got != "" {
		t.Errorf("after the edit and the deletion: got %s, want nothing", got)
	}
	if got := find("diffusion"); got != "m0 diffusion[[0 9]];" {
		t.Errorf("search for the edited text: got %s, want m0", got)
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/a%2Fb/search?q="+strings.Repeat("x", 201), ana.Token, nil, nil); code != 422 {
		t.Errorf("a query of 201 characters: status %d, want 422", code)
	}
}

// TestFirstJoinMakesOneSystemMessage checks that a person's first join makes one system
// message, later joins make none, and people who may only read make none.
func TestFirstJoinMakesOneSystemMessage(t *testing.T) {
	s := startServer(t, Config{JWTSecret: strings.Repeat("s", 32), Limits: "lab"})
	everywhere := func(role auth.Role) auth.Grant { return auth.Grant{Pattern: "**", Role: role} }
	ana, ben := s.newUser(t, "ana", everywhere(auth.Comment)), s.newUser(t, "ben", everywhere(auth.Write))
	lines := func(n int) (list struct{ Lines []store.SystemMessage }) {
		t.Helper()
		for deadline := time.Now().Add(90 * time.Second); len(list.Lines) != n; {
			s.requestJSON(t, "GET", "/api/rooms/r/lines", ana.Token, nil, &list)
			if time.Now().After(deadline) {
				t.Fatalf("got the system messages %+v, want %d", list.Lines, n)
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
	line := watcher.waitFor("the system message about Ben", func(g received) bool { return g.name == "line" && strings.Contains(fmt.Sprint(g.value), "ben") }).value
	if line["kind"] != "joined" || fmt.Sprint(line["after"]) != "1" || fmt.Sprint(line["n"]) != "2" {
		t.Errorf("the system message is %v, want kind joined, after 1, n 2", line)
	}
	if list := lines(2); list.Lines[0].User.ID != "ana" || list.Lines[1].User.ID != "ben" {
		t.Errorf("got the system messages %+v, want those of ana and ben", list.Lines)
	}
}

// TestRolesLimitChat checks over both doors what each role may do in chat:
//
//   - read: read messages and set the read position;
//   - comment: also post, react, and change one's own messages;
//   - admin: also change everybody's messages.
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
				t.Errorf("%s %s with role %s: status %d, want %d", c.method, c.path, role, code, c.status)
			}
		}
		if role < auth.Read {
			continue // may not join
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
				t.Errorf("%s with role %s is answered %v; want it allowed from role %s on, else 403", q.name, role, answer, q.min)
			}
		}
	}
}
