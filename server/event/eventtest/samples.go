// Package eventtest has a sample of every event, for tests and for the fixtures
// that Go and TypeScript decode.
package eventtest

import (
	"encoding/json"
	"time"

	"weft/notify"
	"weft/presence"
	"weft/server/event"
	"weft/server/store"
)

// FromServer returns samples of all events that the server sends, in the order
// of event.FromServer, with every member present and then with as few as
// possible.
func FromServer() []event.Event {
	at := time.Date(2026, 11, 22, 10, 0, 0, 500e6, time.UTC)
	ana, ben := store.User{ID: "ana", Name: "Ana 😀"}, store.User{ID: "ben", Name: "Ben"}
	plain := store.Message{
		ID: "01JD3Y5T7Q8W9E0R1T2Y3U4I5O", Room: "class/7/notes", Seq: 1, Rev: 1, Version: 1, User: ana, Text: "hi",
		Mentions: []store.Mention{}, Reactions: []store.Reaction{}, CreatedAt: at,
	}
	full := plain
	full.Seq, full.Rev, full.Version, full.Thread = 4294967296, 4294967301, 3, "01JD3Y5T7Q0000000000000000"
	full.Text = "hi @ben <b> & \"more\"\n"
	full.Quote = json.RawMessage(`{"text":"cited","at":[1,-5,1.5,true,null,{"deep":"é"}]}`)
	full.Mentions = []store.Mention{{User: "ben"}, {Room: true}}
	full.Reactions = []store.Reaction{{Emoji: "👍", Users: []string{"ben", "cy"}}}
	full.Replies = &store.Replies{Count: 2, Last: at, People: []store.User{ben}}
	full.EditedAt, full.EditedBy = &at, &ben
	unread := store.Unread{Read: 5, Count: 1000, Mentions: 3, LastSeq: 4294967296}
	people := []presence.Person{
		{ID: "ana", Name: "Ana 😀", Avatar: "https://example.org/a.png", Slot: 11, Status: presence.Online, Devices: 2, Since: at},
		{ID: "ben", Name: "Ben", Status: presence.Away, Since: at},
	}
	typists, count := []presence.Typist{{ID: "ben", Name: "Ben"}}, 201
	failure := event.Failure{Code: "too-many-messages", Status: 429, Title: "Too many messages", Detail: "wait", RetryAfter: 2}
	counts := notify.Counts{Unread: 2, Unseen: 1}
	notice := notify.Notification{
		ID: "n1", User: "ben", Kind: "mention", Room: "class/7/notes", Title: "Ana mentioned you", Body: "hi @ben", URL: "/s/class/7/notes",
		Actor: notify.Actor{ID: "ana", Name: "Ana"}, CreatedAt: at,
	}
	read := notice
	read.SeenAt, read.ReadAt = &at, &at
	return []event.Event{
		event.Welcome{User: ana, Heartbeat: 25000, Limits: Limits()},
		event.Joined{
			Room: "class/7/notes", Role: "write", User: ana, Slot: 11, Count: 2, People: people, Typing: typists,
			TypingThreads: map[string][]presence.Typist{"t2": {}, "t1": typists}, LastSeq: 4294967296, LastRev: 4294967301, Epoch: "ABCDEFGHIJKL", Read: &unread,
		},
		event.Joined{Room: "r", Role: "read", User: ben, People: []presence.Person{}, Typing: []presence.Typist{}, TypingThreads: map[string][]presence.Typist{}, Epoch: "ABCDEFGHIJKL"},
		event.Role{Role: "comment"},
		event.Refused{Channel: 1, Code: 4403, Problem: "forbidden", Reason: "you may not enter this room"},
		event.Left{Channel: 1000000},
		event.Pong{},
		event.Sent{ID: plain.ID, Message: plain},
		event.Unsent{ID: plain.ID, Failure: failure},
		event.Done{Ref: "7", Message: &full},
		event.Done{Ref: "8", Read: &unread},
		event.Failed{Ref: "9", Failure: event.Failure{Code: "message-deleted", Status: 410, Title: "The message is deleted"}},
		event.Status{Users: map[string]presence.UserStatus{"ben": {Status: presence.Offline, LastSeen: &at}, "ana": {Status: presence.Online, Devices: 2}}},
		event.Read{Room: "class/7/notes", Unread: unread},
		event.Message{Message: plain},
		event.MessageChanged{Message: full},
		event.SystemMessage{SystemMessage: store.SystemMessage{N: 1, Kind: store.SystemRenamed, User: ana, OldName: "Anna", After: 7, At: at}},
		event.Typing{Users: typists},
		event.Typing{Users: []presence.Typist{}},
		event.ThreadTyping{Thread: "01JD3Y5T7Q0000000000000000", Users: typists},
		event.Presence{Joins: people, Leaves: []string{"cy"}, Count: &count},
		event.Presence{Joins: []presence.Person{}, Leaves: []string{}},
		event.Storage{Writable: false},
		event.Connected{User: "ben", Recovered: true, Counts: counts},
		event.RoomConnected{User: "ben", Room: "class/7/notes", Recovered: false, Epoch: "ABCDEFGHIJKL", LastRev: 4294967301, LastSeq: 4294967296},
		event.Notification{Notification: notice},
		event.Notification{Notification: read},
		event.Counts{Counts: counts},
	}
}

// Limits returns the limits of a server with default settings.
func Limits() event.Limits {
	return event.Limits{
		Update: 1<<20 - 10, Step2: 16<<20 - 10, Event: 64<<10 - 10, Awareness: 64<<10 - 10, AwarenessState: 4 << 10,
		Text: 4000, TextBytes: 16 << 10, Quote: 8 << 10, Mentions: 20, Lines: 100, Rooms: 32, Watched: 200, Typing: 6000,
	}
}

// FromClient returns a sample of every event that a client sends, in the order
// of event.FromClient.
func FromClient() []event.Event {
	return []event.Event{
		event.Hello{Token: "abc"},
		event.Join{Channel: 1, Room: "class/7/notes"},
		event.Leave{Channel: 1},
		event.Active{On: true},
		event.Watch{Users: []string{"ana", "ben"}},
		event.Unwatch{Users: []string{"ana"}},
		event.Ping{},
		event.Send{ID: "01JD3Y5T7Q8W9E0R1T2Y3U4I5O", Text: "hi @ben", Thread: "01JD3Y5T7Q0000000000000000", Quote: `{"text":"cited"}`},
		event.SetTyping{On: true, Thread: "01JD3Y5T7Q0000000000000000"},
		event.Edit{Ref: "1", ID: "01JD3Y5T7Q8W9E0R1T2Y3U4I5O", Text: "hello", Version: 2},
		event.Delete{Ref: "2", ID: "01JD3Y5T7Q8W9E0R1T2Y3U4I5O"},
		event.React{Ref: "3", ID: "01JD3Y5T7Q8W9E0R1T2Y3U4I5O", Emoji: "👍", On: true},
		event.MarkRead{Ref: "4", Seq: 4294967296},
	}
}
