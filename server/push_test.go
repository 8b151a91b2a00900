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
		t.Fatalf("subscribe: %d", code)
	}
	say := func(text string) {
		t.Helper()
		if code := s.requestJSON(t, "POST", "/api/rooms/class%2F7/messages", ana.Token, map[string]string{"text": text}, nil); code != 201 {
			t.Fatalf("post: %d", code)
		}
	}
	wait := func(n int) []notifytest.Message {
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

	// In the room, Ben sees it there: the inbox has it, the phone is quiet.
	say("@Ben one")
	stream.readEvent()
	inRoom.ws.Close()
	for here := true; here; {
		var err error
		if here, err = s.people.IsPresent(t.Context(), "class/7", ben.User.ID); err != nil {
			t.Fatal(err)
		}
	}
	say("@Ben two")
	messages := wait(1)
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
		t.Errorf("%d pushes, %+v", len(messages), got)
	}
	if want := "https://weft.example.org/s/class/7#m="; len(n.Navigate) <= len(want) || n.Navigate[:len(want)] != want {
		t.Errorf("navigate %q", n.Navigate)
	}
	waitUntil(t, "it is counted", func() bool { return s.readMetric(t, "weft_pushes_total", "2xx") == 1 })
	// A subscription that the service has forgotten is forgotten here too.
	service.Unsubscribe(sub)
	say("@Ben three")
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
	waitUntil(t, "that is counted too", func() bool { return s.readMetric(t, "weft_pushes_total", "4xx") == 1 })
	if refused := service.Refused(); len(refused) != 0 {
		t.Errorf("the push service refused: %v", errors.Join(refused...))
	}
}

func TestInvalidPushSubscriptionsAreRefused(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := startServer(t, Config{})
	ben := s.createGuest(t, "Ben")
	sub := json.RawMessage(notifytest.SubscriptionJSON(service.Subscribe("ben")))
	if code := s.requestJSON(t, "POST", "/api/push/subscriptions", ben.Token, sub, nil); code != 422 {
		t.Errorf("an endpoint on this machine: %d", code)
	}
	if code := s.requestJSON(t, "POST", "/api/push/subscriptions", "", sub, nil); code != 401 {
		t.Errorf("without a token: %d", code)
	}
	if code := s.requestJSON(t, "POST", "/api/push/subscriptions", ben.Token, map[string]any{"endpoint": "x"}, nil); code != 422 {
		t.Errorf("no keys: %d", code)
	}
	var key struct{ Key string }
	if code := s.requestJSON(t, "GET", "/api/push/key", "", nil, &key); code != 200 || len(key.Key) < 80 {
		t.Errorf("key %q, %d", key.Key, code)
	}
}
