package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"weft/crdt/lib0"
	"weft/notify/notifytest"
	"weft/notify/webpush"
	"weft/server/auth"
	"weft/server/wire"
)

// limitsTestedElsewhere has the limits that take too long to reach here, with the file and
// the test that exceeds each.
var limitsTestedElsewhere = map[string]struct{ file, test string }{
	"hello-wait": {"ws/native_test.go", "TestConnectionWithoutHelloIsClosed"},
	"work":       {"room/limits_test.go", "TestRefusalsAreCountedByLimit"},
}

// TestLimitsTestedElsewhere: the named tests exist.
func TestLimitsTestedElsewhere(t *testing.T) {
	for limit, at := range limitsTestedElsewhere {
		source, err := os.ReadFile(at.file)
		if err != nil || !strings.Contains(string(source), "func "+at.test+"(") {
			t.Errorf("limit %s: %s has no test %s (%v)", limit, at.file, at.test, err)
		}
	}
}

// limitTests has for each limit a function that starts a server, and returns one function
// that stays within the limit and one that exceeds it.
var limitTests = map[string]func(*limitTest) (within, over func()){
	// At the door.
	"address": func(a *limitTest) (within, over func()) {
		a.startWith("address", "2")
		return func() { a.connectTimes(2, "/ws/r", "") }, func() { a.waitForStatus("/ws/r", "", 429) }
	},
	"strangers": func(a *limitTest) (within, over func()) {
		a.startWith("strangers", "2")
		return func() { a.connectTimes(2, "/socket", "") }, func() { a.waitForStatus("/socket", "", 429) }
	},
	"arrivals": func(a *limitTest) (within, over func()) {
		a.startWith("arrivals", "1:2")
		return func() { a.connectTimes(2, "/ws/r", "") }, func() { a.waitForStatus("/ws/r", "", 429) }
	},
	"all-arrivals": func(a *limitTest) (within, over func()) {
		a.startWith("all-arrivals", "1:2")
		return func() { a.connectTimes(2, "/ws/r", "") }, func() { a.waitForStatus("/ws/r", "", 429) }
	},
	"person": func(a *limitTest) (within, over func()) {
		a.testServer = startServer(a.T, Config{JWTSecret: strings.Repeat("s", 32), Limit: map[string]string{"person": "2"}})
		ana := a.newUser(a.T, "ana", auth.Grant{Pattern: "**", Role: auth.Write}).Token
		return func() { a.connectTimes(2, "/ws/r", ana) }, func() { a.waitForStatus("/ws/r", ana, 429) }
	},
	"hello": func(a *limitTest) (within, over func()) {
		a.startWith("hello", "1KiB")
		hello := func(bytes int) {
			c := a.dialNative(a.T)
			c.sendEvent(0, "hello", map[string]string{"later": strings.Repeat("x", bytes)})
			_, _ = c.readMessage()
		}
		return func() { hello(100) }, func() { hello(2000) }
	},
	"token": func(a *limitTest) (within, over func()) {
		a.startWith()
		hello := func(bytes int) {
			c := a.dialNative(a.T)
			c.sendEvent(0, "hello", map[string]string{"token": strings.Repeat("x", bytes)})
			_, _ = c.readMessage()
		}
		return func() { hello(auth.MaxToken) }, func() { hello(auth.MaxToken + 1) }
	},
	"rooms": func(a *limitTest) (within, over func()) {
		a.startWith("rooms", "1")
		var c *nativeClient
		return func() { c = a.joinRoom(a.T, a.createGuest(a.T, "Ana"), "r") }, func() {
			c.sendEvent(0, "join", map[string]any{"channel": 2, "room": "r2"})
			c.waitForEvent("refused")
		}
	},

	// What a connection sends, and what is queued for it.
	"message": func(a *limitTest) (within, over func()) {
		a.startWith("message", "1KiB")
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 900, 1)) }, func() { a.connectAndSend("r", textUpdate(a.T, 2, "t", 1100, 1)) }
	},
	"answer": func(a *limitTest) (within, over func()) {
		a.startWith("message", "1KiB", "answer", "2KiB")
		step2 := func(client uint64, letters int) { // the type of an update is its second byte
			b := textUpdate(a.T, client, "t", letters, 1)
			b[1] = 1
			a.connectAndSend("r", b)
		}
		return func() { step2(1, 1900) }, func() { step2(2, 2100) }
	},
	"event": func(a *limitTest) (within, over func()) {
		a.startWith("event", "1KiB")
		return func() { a.connectAndSend("r", awarenessBody(1, 900)) }, func() { a.connectAndSend("r", awarenessBody(1, 1100)) }
	},
	"updates": func(a *limitTest) (within, over func()) {
		a.startWith("updates", "20:3")
		one := textUpdate(a.T, 1, "t", 1, 1)
		return func() { a.connectAndSend("r", repeatBody(3, one)...) }, func() { a.connectAndSend("r", repeatBody(20, one)...) }
	},
	"bytes": func(a *limitTest) (within, over func()) {
		a.startWith("message", "1KiB", "bytes", "20KiB:1KiB")
		large := textUpdate(a.T, 1, "t", 900, 1)
		return func() { a.connectAndSend("r", large) }, func() { a.connectAndSend("r", repeatBody(20, large)...) }
	},
	"requests": func(a *limitTest) (within, over func()) {
		a.startWith("requests", "20:3")
		step1 := wire.AppendStep1(nil, []byte{0})
		return func() { a.connectAndSend("r", repeatBody(2, step1)...) }, func() { a.connectAndSend("r", repeatBody(20, step1)...) }
	},
	"awareness": func(a *limitTest) (within, over func()) {
		a.startWith("awareness", "20:3")
		return func() { a.connectAndSend("r", repeatBody(3, awarenessBody(1, 1))...) }, func() { a.connectAndSend("r", repeatBody(20, awarenessBody(1, 1))...) }
	},
	"awareness-state": func(a *limitTest) (within, over func()) {
		a.startWith()
		return func() { a.connectAndSend("r", awarenessBody(1, 4000)) }, func() { a.connectAndSend("r", awarenessBody(1, 4100)) }
	},
	"awareness-clients": func(a *limitTest) (within, over func()) {
		a.startWith()
		return func() { a.connectAndSend("r", awarenessBody(64, 1)) }, func() { a.connectAndSend("r2", awarenessBody(65, 1)) }
	},
	"queue":        func(a *limitTest) (within, over func()) { return a.overflowQueue("queue", "64KiB", 30<<10) },
	"queue-frames": func(a *limitTest) (within, over func()) { return a.overflowQueue("queue-frames", "20", 30<<10) },

	// Documents and rooms.
	"document": func(a *limitTest) (within, over func()) {
		a.startWith("document", "100")
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 100, 1)) }, func() { a.connectAndSend("r", textUpdate(a.T, 2, "t", 1, 1)) }
	},
	"structs": func(a *limitTest) (within, over func()) {
		a.startWith("structs", "10")
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 10, 10)) }, func() { a.connectAndSend("r", textUpdate(a.T, 2, "t", 1, 1)) }
	},
	"clients": func(a *limitTest) (within, over func()) {
		a.startWith("clients", "2")
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 1, 1), textUpdate(a.T, 2, "t", 1, 1)) },
			func() { a.connectAndSend("r", textUpdate(a.T, 3, "t", 1, 1)) }
	},
	"roots": func(a *limitTest) (within, over func()) {
		a.startWith("roots", "2")
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 1, 1), textUpdate(a.T, 2, "t2", 1, 1)) },
			func() { a.connectAndSend("r", textUpdate(a.T, 3, "t3", 1, 1)) }
	},
	"subdocuments": func(a *limitTest) (within, over func()) {
		a.startWith("subdocuments", "2")
		return func() { a.connectAndSend("r", subdocumentUpdate(a.T, 1, 2)) }, func() { a.connectAndSend("r", subdocumentUpdate(a.T, 2, 1)) }
	},
	"pending": func(a *limitTest) (within, over func()) {
		a.startWith()
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 1, 1), pendingUpdate(a.T, 2, 10_000)) }, func() { a.connectAndSend("r", pendingUpdate(a.T, 3, 1)) }
	},
	"pending-wait": func(a *limitTest) (within, over func()) {
		a.startWith("pending-wait", "1s")
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 1, 1)) }, func() { a.connectAndSend("r", pendingUpdate(a.T, 2, 1)) }
	},
	"depth": func(a *limitTest) (within, over func()) {
		a.startWith()
		return func() { a.connectAndSend("r", nestedUpdate(lib0.MaxDepth-1)) }, func() { a.connectAndSend("r", nestedUpdate(lib0.MaxDepth)) }
	},
	"journal": func(a *limitTest) (within, over func()) {
		a.startWith("journal", "1KiB")
		return func() { a.connectAndSend("r", textUpdate(a.T, 1, "t", 100, 1)) }, func() { a.connectAndSend("r", textUpdate(a.T, 2, "t", 2000, 1)) }
	},
	"warm-rooms": func(a *limitTest) (within, over func()) {
		a.startWith("warm-rooms", "1")
		return func() { a.connectAndSend("r") }, func() { a.connectAndSend("r2") }
	},
	"open-documents": func(a *limitTest) (within, over func()) {
		a.startWith("open-documents", "1")
		return func() { a.connectTimes(1, "/ws/r", "") }, func() { a.waitForStatus("/ws/r2", "", 503) }
	},

	// People.
	"chat": func(a *limitTest) (within, over func()) {
		a.startWith("chat", "1:2")
		return a.postTooMany()
	},
	"room-chat": func(a *limitTest) (within, over func()) {
		a.startWith("room-chat", "1:2")
		return a.postTooMany()
	},
	"text": func(a *limitTest) (within, over func()) {
		a.startWith()
		ana := a.createGuest(a.T, "Ana").Token
		post := func(letters, want int) {
			text := map[string]string{"text": strings.Repeat("x", letters)}
			if code := a.requestJSON(a.T, "POST", "/api/rooms/r/messages", ana, text, nil); code != want {
				a.Errorf("posting %d letters: status %d, want %d", letters, code, want)
			}
		}
		return func() { post(4000, http.StatusCreated) }, func() { post(4001, http.StatusUnprocessableEntity) }
	},
	"guests": func(a *limitTest) (within, over func()) {
		a.startWith("guests", "1:2")
		isRefused := func() bool {
			return a.requestJSON(a.T, "POST", "/api/guests", "", map[string]string{"name": "Ana"}, nil) == http.StatusTooManyRequests
		}
		return func() { isRefused(); isRefused() }, func() { waitUntil(a.T, "a guest is refused", isRefused) }
	},
	"pushes": func(a *limitTest) (within, over func()) {
		return a.pushTooMany(map[string]string{"pushes": "1", "push-every": "0"})
	},
	"push-every": func(a *limitTest) (within, over func()) { return a.pushTooMany(map[string]string{"push-every": "1h"}) },
}

// sizedEvent is an event of any size.
type sizedEvent struct {
	Text string `json:"text"`
}

func (sizedEvent) EventName() string { return "sized" }

// overflowQueue has the server send events of so many bytes to a connection that does not
// read.
func (a *limitTest) overflowQueue(limit, value string, bytes int) (within, over func()) {
	a.startWith(limit, value)
	return func() {
			a.joinRoom(a.T, a.createGuest(a.T, "Ana"), "r")
		}, func() {
			waitUntil(a.T, "the queue is full", func() bool {
				for range 10 {
					a.tell("r", sizedEvent{strings.Repeat("x", bytes)})
				}
				return a.counted()
			})
		}
}

// postTooMany posts two messages, and then messages until one is refused.
func (a *limitTest) postTooMany() (within, over func()) {
	ana, n := a.createGuest(a.T, "Ana").Token, 0
	post := func() bool {
		n++
		status, _ := a.tryPostMessage(a.T, "r", ana, fmt.Sprint("m", n))
		return status == http.StatusTooManyRequests
	}
	return func() { post(); post() }, func() { waitUntil(a.T, "a message is refused", post) }
}

// pushTooMany mentions an absent person who has a push subscription, once and then again.
func (a *limitTest) pushTooMany(limit map[string]string) (within, over func()) {
	service := notifytest.NewPushService(a.T)
	a.testServer = startServer(a.T, Config{
		Limit: limit, PublicURL: "https://weft.example.org", pushDelay: -1,
		push: webpush.Config{AllowLoopback: true, RootCAs: service.CertPool(), AllowHosts: []string{"127.0.0.1", "localhost"}},
	})
	ana, ben := a.createGuest(a.T, "Ana"), a.createGuest(a.T, "Ben")
	a.joinRoom(a.T, ben, "r").ws.Close() // makes Ben a member, so that he can be mentioned
	waitUntil(a.T, "Ben has left", func() bool {
		here, err := a.people.IsPresent(a.Context(), "r", ben.User.ID)
		return err == nil && !here
	})
	sub := notifytest.SubscriptionJSON(service.Subscribe(ben.User.ID))
	if code := a.requestJSON(a.T, "POST", "/api/push/subscriptions", ben.Token, json.RawMessage(sub), nil); code != http.StatusCreated {
		a.Fatalf("subscribe: status %d, want 201", code)
	}
	mention := func() {
		if code := a.requestJSON(a.T, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "@" + ben.User.ID}, nil); code != http.StatusCreated {
			a.Fatalf("posting a mention: status %d, want 201", code)
		}
	}
	return func() {
		mention()
		ctx, cancel := context.WithTimeout(a.Context(), 90*time.Second)
		defer cancel()
		if _, err := service.Wait(ctx, 1); err != nil {
			a.Fatal(err)
		}
	}, mention
}
