package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"weft/crdt/lib0"
	"weft/notify/notifytest"
	"weft/notify/webpush"
	"weft/server/auth"
	"weft/server/wire"
)

// triedElsewhere are limits that take too long to reach here.
var triedElsewhere = map[string]string{
	"hello-wait": "server/ws TestHelloHasItsTime",
	"work":       "server/room TestRefusalsNameTheirLimits",
}

// trials stay within a limit, and then go over it.
var trials = map[string]func(*trial) (within, over func()){
	// At the door.
	"address": func(a *trial) (within, over func()) {
		a.with("address", "2")
		return func() { a.let(2, "/ws/r", "") }, func() { a.refused("/ws/r", "", 429) }
	},
	"strangers": func(a *trial) (within, over func()) {
		a.with("strangers", "2")
		return func() { a.let(2, "/socket", "") }, func() { a.refused("/socket", "", 429) }
	},
	"arrivals": func(a *trial) (within, over func()) {
		a.with("arrivals", "1:2")
		return func() { a.let(2, "/ws/r", "") }, func() { a.refused("/ws/r", "", 429) }
	},
	"all-arrivals": func(a *trial) (within, over func()) {
		a.with("all-arrivals", "1:2")
		return func() { a.let(2, "/ws/r", "") }, func() { a.refused("/ws/r", "", 429) }
	},
	"person": func(a *trial) (within, over func()) {
		a.site = run(a.T, Config{JWTSecret: strings.Repeat("s", 32), Limit: map[string]string{"person": "2"}})
		ana := a.token(a.T, "ana", auth.Grant{Pattern: "**", Role: auth.Write}).Token
		return func() { a.let(2, "/ws/r", ana) }, func() { a.refused("/ws/r", ana, 429) }
	},
	"hello": func(a *trial) (within, over func()) {
		a.with("hello", "1KiB")
		hello := func(bytes int) {
			c := a.dial(a.T)
			c.event(0, "hello", map[string]string{"later": strings.Repeat("x", bytes)})
			_, _ = c.next()
		}
		return func() { hello(100) }, func() { hello(2000) }
	},
	"token": func(a *trial) (within, over func()) {
		a.with()
		hello := func(bytes int) {
			c := a.dial(a.T)
			c.event(0, "hello", map[string]string{"token": strings.Repeat("x", bytes)})
			_, _ = c.next()
		}
		return func() { hello(auth.MaxToken) }, func() { hello(auth.MaxToken + 1) }
	},
	"rooms": func(a *trial) (within, over func()) {
		a.with("rooms", "1")
		var c *client
		return func() { c = a.enter(a.T, a.guest(a.T, "Ana"), "r") }, func() {
			c.event(0, "join", map[string]any{"channel": 2, "room": "r2"})
			c.untilEvent("refused")
		}
	},

	// What a connection sends, and what waits for it.
	"message": func(a *trial) (within, over func()) {
		a.with("message", "1KiB")
		return func() { a.comes("r", written(a.T, 1, "t", 900, 1)) }, func() { a.comes("r", written(a.T, 2, "t", 1100, 1)) }
	},
	"answer": func(a *trial) (within, over func()) {
		a.with("message", "1KiB", "answer", "2KiB")
		step2 := func(client uint64, letters int) { // the type of an update is its second byte
			b := written(a.T, client, "t", letters, 1)
			b[1] = 1
			a.comes("r", b)
		}
		return func() { step2(1, 1900) }, func() { step2(2, 2100) }
	},
	"event": func(a *trial) (within, over func()) {
		a.with("event", "1KiB")
		return func() { a.comes("r", seen(1, 900)) }, func() { a.comes("r", seen(1, 1100)) }
	},
	"updates": func(a *trial) (within, over func()) {
		a.with("updates", "20:3")
		one := written(a.T, 1, "t", 1, 1)
		return func() { a.comes("r", again(3, one)...) }, func() { a.comes("r", again(20, one)...) }
	},
	"bytes": func(a *trial) (within, over func()) {
		a.with("message", "1KiB", "bytes", "20KiB:1KiB")
		large := written(a.T, 1, "t", 900, 1)
		return func() { a.comes("r", large) }, func() { a.comes("r", again(20, large)...) }
	},
	"requests": func(a *trial) (within, over func()) {
		a.with("requests", "20:3")
		step1 := wire.AppendStep1(nil, []byte{0})
		return func() { a.comes("r", again(2, step1)...) }, func() { a.comes("r", again(20, step1)...) }
	},
	"awareness": func(a *trial) (within, over func()) {
		a.with("awareness", "20:3")
		return func() { a.comes("r", again(3, seen(1, 1))...) }, func() { a.comes("r", again(20, seen(1, 1))...) }
	},
	"awareness-state": func(a *trial) (within, over func()) {
		a.with()
		return func() { a.comes("r", seen(1, 4000)) }, func() { a.comes("r", seen(1, 4100)) }
	},
	"awareness-clients": func(a *trial) (within, over func()) {
		a.with()
		return func() { a.comes("r", seen(64, 1)) }, func() { a.comes("r2", seen(65, 1)) }
	},
	"queue":        func(a *trial) (within, over func()) { return a.tells("queue", "64KiB", 30<<10) },
	"queue-frames": func(a *trial) (within, over func()) { return a.tells("queue-frames", "20", 30<<10) },

	// Documents and rooms.
	"document": func(a *trial) (within, over func()) {
		a.with("document", "100")
		return func() { a.comes("r", written(a.T, 1, "t", 100, 1)) }, func() { a.comes("r", written(a.T, 2, "t", 1, 1)) }
	},
	"structs": func(a *trial) (within, over func()) {
		a.with("structs", "10")
		return func() { a.comes("r", written(a.T, 1, "t", 10, 10)) }, func() { a.comes("r", written(a.T, 2, "t", 1, 1)) }
	},
	"clients": func(a *trial) (within, over func()) {
		a.with("clients", "2")
		return func() { a.comes("r", written(a.T, 1, "t", 1, 1), written(a.T, 2, "t", 1, 1)) },
			func() { a.comes("r", written(a.T, 3, "t", 1, 1)) }
	},
	"roots": func(a *trial) (within, over func()) {
		a.with("roots", "2")
		return func() { a.comes("r", written(a.T, 1, "t", 1, 1), written(a.T, 2, "t2", 1, 1)) },
			func() { a.comes("r", written(a.T, 3, "t3", 1, 1)) }
	},
	"subdocuments": func(a *trial) (within, over func()) {
		a.with("subdocuments", "2")
		return func() { a.comes("r", holding(a.T, 1, 2)) }, func() { a.comes("r", holding(a.T, 2, 1)) }
	},
	"pending": func(a *trial) (within, over func()) {
		a.with()
		return func() { a.comes("r", written(a.T, 1, "t", 1, 1), early(a.T, 2, 10_000)) }, func() { a.comes("r", early(a.T, 3, 1)) }
	},
	"pending-wait": func(a *trial) (within, over func()) {
		a.with("pending-wait", "1s")
		return func() { a.comes("r", written(a.T, 1, "t", 1, 1)) }, func() { a.comes("r", early(a.T, 2, 1)) }
	},
	"depth": func(a *trial) (within, over func()) {
		a.with()
		return func() { a.comes("r", nested(lib0.MaxDepth-1)) }, func() { a.comes("r", nested(lib0.MaxDepth)) }
	},
	"journal": func(a *trial) (within, over func()) {
		a.with("journal", "1KiB")
		return func() { a.comes("r", written(a.T, 1, "t", 100, 1)) }, func() { a.comes("r", written(a.T, 2, "t", 2000, 1)) }
	},
	"warm-rooms": func(a *trial) (within, over func()) {
		a.with("warm-rooms", "1")
		return func() { a.comes("r") }, func() { a.comes("r2") }
	},
	"open-documents": func(a *trial) (within, over func()) {
		a.with("open-documents", "1")
		return func() { a.let(1, "/ws/r", "") }, func() { a.refused("/ws/r2", "", 503) }
	},

	// People.
	"chat": func(a *trial) (within, over func()) {
		a.with("chat", "1:2")
		return a.chats()
	},
	"room-chat": func(a *trial) (within, over func()) {
		a.with("room-chat", "1:2")
		return a.chats()
	},
	"text": func(a *trial) (within, over func()) {
		a.with()
		ana := a.guest(a.T, "Ana").Token
		post := func(letters, want int) {
			text := map[string]string{"text": strings.Repeat("x", letters)}
			if code := a.call(a.T, "POST", "/api/rooms/r/messages", ana, text, nil); code != want {
				a.Errorf("%d letters are answered by %d", letters, code)
			}
		}
		return func() { post(4000, http.StatusCreated) }, func() { post(4001, http.StatusUnprocessableEntity) }
	},
	"guests": func(a *trial) (within, over func()) {
		a.with("guests", "1:2")
		ask := func() bool {
			return a.call(a.T, "POST", "/api/guests", "", map[string]string{"name": "Ana"}, nil) == http.StatusTooManyRequests
		}
		return func() { ask(); ask() }, func() { until(a.T, "there are too many", ask) }
	},
	"pushes": func(a *trial) (within, over func()) {
		return a.rings(map[string]string{"pushes": "1", "push-every": "0"})
	},
	"push-every": func(a *trial) (within, over func()) { return a.rings(map[string]string{"push-every": "1h"}) },
}

// news is an event of any size.
type news struct {
	Text string `json:"text"`
}

func (news) EventName() string { return "news" }

// tells has the server say so many bytes at a time to somebody who does not read.
func (a *trial) tells(limit, value string, bytes int) (within, over func()) {
	a.with(limit, value)
	return func() {
			a.enter(a.T, a.guest(a.T, "Ana"), "r")
		}, func() {
			until(a.T, "too much waits", func() bool {
				for range 10 {
					a.tell("r", news{strings.Repeat("x", bytes)})
				}
				return a.counted()
			})
		}
}

// chats has somebody post two messages, and then more.
func (a *trial) chats() (within, over func()) {
	ana, n := a.guest(a.T, "Ana").Token, 0
	post := func() bool {
		n++
		status, _ := a.talk(a.T, "r", ana, fmt.Sprint("m", n))
		return status == http.StatusTooManyRequests
	}
	return func() { post(); post() }, func() { until(a.T, "there are too many", post) }
}

// rings mentions somebody who is away and has a device, once and then once more.
func (a *trial) rings(limit map[string]string) (within, over func()) {
	service := notifytest.NewPushService(a.T)
	a.site = run(a.T, Config{
		Limit: limit, PublicURL: "https://weft.example.org", pushDelay: -1,
		push: webpush.Config{AllowLoopback: true, RootCAs: service.CertPool(), AllowHosts: []string{"127.0.0.1", "localhost"}},
	})
	ana, ben := a.guest(a.T, "Ana"), a.guest(a.T, "Ben")
	a.enter(a.T, ben, "r").ws.Close() // who has been there can be mentioned
	until(a.T, "Ben has left", func() bool {
		here, err := a.people.IsPresent(a.Context(), "r", ben.User.ID)
		return err == nil && !here
	})
	sub := notifytest.SubscriptionJSON(service.Subscribe(ben.User.ID))
	if code := a.call(a.T, "POST", "/api/push/subscriptions", ben.Token, json.RawMessage(sub), nil); code != http.StatusCreated {
		a.Fatalf("subscribe: %d", code)
	}
	mention := func() {
		if code := a.call(a.T, "POST", "/api/rooms/r/messages", ana.Token, map[string]string{"text": "@" + ben.User.ID}, nil); code != http.StatusCreated {
			a.Fatalf("a mention is answered by %d", code)
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
