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

func TestMentionRingsAClosedPhone(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := run(t, Config{
		PublicURL: "https://weft.example.org",
		push:      webpush.Config{AllowLoopback: true, RootCAs: service.CertPool(), AllowHosts: []string{"127.0.0.1", "localhost"}},
		pushDelay: -1, Limit: map[string]string{"push-every": "0"},
	})
	ana, ben := s.guest(t, "Ana"), s.guest(t, "Ben")
	inRoom := s.enter(t, ben, "class/7")
	sub := service.Subscribe(ben.User.ID)
	if code := s.call(t, "POST", "/api/push/subscriptions", ben.Token, json.RawMessage(notifytest.SubscriptionJSON(sub)), nil); code != 201 {
		t.Fatalf("subscribe: %d", code)
	}
	say := func(text string) {
		t.Helper()
		if code := s.call(t, "POST", "/api/rooms/class%2F7/messages", ana.Token, map[string]string{"text": text}, nil); code != 201 {
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
	stream := s.events(t, ben.Token, "")
	stream.next()

	// In the room, Ben sees it there: the inbox has it, the phone is quiet.
	say("@Ben one")
	stream.next()
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
	until(t, "it is counted", func() bool { return s.metric(t, "weft_pushes_total", "2xx") == 1 })
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
	until(t, "that is counted too", func() bool { return s.metric(t, "weft_pushes_total", "4xx") == 1 })
	if refused := service.Refused(); len(refused) != 0 {
		t.Errorf("the push service refused: %v", errors.Join(refused...))
	}
}

func TestSubscriptionsThatCannotBeAreRefused(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := run(t, Config{})
	ben := s.guest(t, "Ben")
	sub := json.RawMessage(notifytest.SubscriptionJSON(service.Subscribe("ben")))
	if code := s.call(t, "POST", "/api/push/subscriptions", ben.Token, sub, nil); code != 422 {
		t.Errorf("an endpoint on this machine: %d", code)
	}
	if code := s.call(t, "POST", "/api/push/subscriptions", "", sub, nil); code != 401 {
		t.Errorf("without a token: %d", code)
	}
	if code := s.call(t, "POST", "/api/push/subscriptions", ben.Token, map[string]any{"endpoint": "x"}, nil); code != 422 {
		t.Errorf("no keys: %d", code)
	}
	var key struct{ Key string }
	if code := s.call(t, "GET", "/api/push/key", "", nil, &key); code != 200 || len(key.Key) < 80 {
		t.Errorf("key %q, %d", key.Key, code)
	}
}
