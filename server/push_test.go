package server

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"weft/notify/notifytest"
	"weft/notify/webpush"
)

// TestMentionIsPushedToAnAbsentPerson checks that a mention is pushed only when the person
// is not in the room, and that a subscription that the push service reports as gone is
// deleted.
func TestMentionIsPushedToAnAbsentPerson(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := startServer(t, Config{
		PublicURL: "https://weft.example.org",
		push:      webpush.Config{AllowLoopback: true, RootCAs: service.CertPool(), AllowHosts: []string{"127.0.0.1", "localhost"}},
		pushDelay: -1, Limit: map[string]string{"push-every": "0"},
	})
	ana, ben := s.createGuest(t, "Ana"), s.createGuest(t, "Ben")
	inRoom := s.joinRoom(t, ben, "class/7")
	sub := service.Subscribe(ben.User.ID)
	if code := s.requestJSON(t, "POST", "/api/push/subscriptions", ben.Token, json.RawMessage(notifytest.SubscriptionJSON(sub)), nil); code != 201 {
		t.Fatalf("subscribe: status %d, want 201", code)
	}
	post := func(text string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/class%2F7/messages", ana.Token, map[string]string{"text": text}, nil); code != 201 {
			t.Fatalf("posting %q: status %d, want 201", text, code)
		}
	}
	waitForPushes := func(n int) []notifytest.Message {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		messages, err := service.Wait(ctx, n)
		if err != nil {
			t.Fatal(err)
		}
		return messages
	}
	stream := s.openEvents(t, ben.Token, "")
	stream.readEvent()

	// While Ben is in the room, a mention is in his inbox and is not pushed.
	post("@Ben one")
	stream.readEvent()
	inRoom.ws.Close()
	for isPresent := true; isPresent; {
		var err error
		if isPresent, err = s.people.IsPresent(t.Context(), "class/7", ben.User.ID); err != nil {
			t.Fatal(err)
		}
	}
	post("@Ben two")
	messages := waitForPushes(1)
	var got struct {
		WebPush      int `json:"web_push"`
		Notification struct {
			Title, Body, Navigate, Tag string
		}
	}
	if err := json.Unmarshal(messages[0].Payload, &got); err != nil {
		t.Fatal(err)
	}
	n := got.Notification
	if len(messages) != 1 || got.WebPush != 8030 || n.Title != "Ana mentioned you" || n.Body != "@Ben two" || n.Tag != "room:class/7" {
		t.Errorf("%d pushes, the first is %+v; want one about the second mention", len(messages), got)
	}
	if want := "https://weft.example.org/s/class/7#m="; len(n.Navigate) <= len(want) || n.Navigate[:len(want)] != want {
		t.Errorf("navigate is %q, want it to begin with %q", n.Navigate, want)
	}
	waitUntil(t, "the push is counted", func() bool { return s.readMetric(t, "weft_pushes_total", "2xx") == 1 })
	// A subscription that the push service does not know any more is deleted.
	service.Unsubscribe(sub)
	post("@Ben three")
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	if err := service.WaitGone(ctx, 1); err != nil {
		t.Fatal(err)
	}
	for {
		subs, err := s.store.Subscriptions(ctx, ben.User.ID)
		if err != nil {
			t.Fatal(err)
		}
		if len(subs) == 0 {
			break
		}
	}
	waitUntil(t, "the refused push is counted", func() bool { return s.readMetric(t, "weft_pushes_total", "4xx") == 1 })
	if refused := service.Refused(); len(refused) != 0 {
		t.Errorf("the push service refused: %v", errors.Join(refused...))
	}
}

// TestInvalidPushSubscriptionsAreRefused checks that an endpoint in the private network,
// one without keys and a request without a token are refused.
func TestInvalidPushSubscriptionsAreRefused(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := startServer(t, Config{})
	ben := s.createGuest(t, "Ben")
	sub := json.RawMessage(notifytest.SubscriptionJSON(service.Subscribe("ben")))
	if code := s.requestJSON(t, "POST", "/api/push/subscriptions", ben.Token, sub, nil); code != 422 {
		t.Errorf("a loopback endpoint: status %d, want 422", code)
	}
	if code := s.requestJSON(t, "POST", "/api/push/subscriptions", "", sub, nil); code != 401 {
		t.Errorf("without a token: status %d, want 401", code)
	}
	if code := s.requestJSON(t, "POST", "/api/push/subscriptions", ben.Token, map[string]any{"endpoint": "x"}, nil); code != 422 {
		t.Errorf("without keys: status %d, want 422", code)
	}
	var key struct{ Key string }
	if code := s.requestJSON(t, "GET", "/api/push/key", "", nil, &key); code != 200 || len(key.Key) < 80 {
		t.Errorf("GET key: status %d, key %q; want 200 and at least 80 characters", code, key.Key)
	}
}
