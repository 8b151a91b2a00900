package notify_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"weft/notify"
	"weft/notify/notifytest"
	"weft/notify/webpush"
)

// TestMentionReachesTheClosedDevice: from Notify to the payload that the device decrypts.
// The subscription of a device that is gone is removed.
func TestMentionReachesTheClosedDevice(t *testing.T) {
	service := notifytest.NewPushService(t)
	keys, err := webpush.GenerateKeys()
	if err != nil {
		t.Fatal(err)
	}
	sender, err := webpush.New(webpush.Config{
		Keys: keys, PublicURL: "http://127.0.0.1:8080", AllowLoopback: true, RootCAs: service.CertPool(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Close()
	phone, laptop, dead := service.Subscribe("ben"), service.Subscribe("ben"), service.Subscribe("ben")
	service.Unsubscribe(dead)
	box := newInbox(phone, laptop, dead)
	worker := notify.NewWorker(notify.Config{Inbox: box, Sender: sender, Delay: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	ended := make(chan error, 1)
	go func() { ended <- worker.Run(ctx) }()

	if err := worker.Notify(ctx, mention("1")); err != nil {
		t.Fatal(err)
	}
	messages, err := service.Wait(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		var payload struct {
			WebPush      int `json:"web_push"`
			Notification struct{ Title, Navigate string }
		}
		if err := json.Unmarshal(m.Payload, &payload); err != nil || payload.WebPush != 8030 ||
			payload.Notification.Title != "Ana mentioned you" || payload.Notification.Navigate != "http://127.0.0.1:8080/s/r" {
			t.Errorf("%s: %v", m.Payload, err)
		}
	}
	if err := service.WaitGone(ctx, 1); err != nil {
		t.Error(err)
	}
	cancel()
	<-ended // records what was sent
	if len(service.Messages()) != 2 || len(service.Refused()) > 0 {
		t.Errorf("%d messages, refused %v", len(service.Messages()), service.Refused())
	}
	box.mu.Lock()
	defer box.mu.Unlock()
	if len(box.pruned) > 1 || len(box.pruned) == 1 && box.pruned[0] != dead.ID {
		t.Errorf("pruned %v", box.pruned)
	}
}
