package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"weft/notify"
	"weft/server/store"
)

// mentions turns stored facts about messages into notifications: to who is
// mentioned, and to those whose thread goes on. A fact is
// done only after all of its notifications are stored, and they have ids made
// from their cause: a crash in between costs nothing and doubles nothing.
type mentions struct {
	store  mentionStore
	notify func(context.Context, notify.Notification) error
	// withdraw empties the notifications of a room that lead to a url.
	withdraw func(ctx context.Context, room, url string) error
	// barred tells whether a person may not even read the room any more.
	barred func(user string, room store.RoomID) bool
	log    *slog.Logger
	wake   chan struct{}
}

type mentionStore interface {
	store.Outbox
	Members(ctx context.Context, room store.RoomID) ([]store.User, error)
	Message(ctx context.Context, room store.RoomID, id string) (store.Message, error)
	Messages(ctx context.Context, room store.RoomID, p store.MessagePage) ([]store.Message, error)
}

// nudge says that there is a new fact. It does not block.
func (m *mentions) nudge() {
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// run handles facts until ctx ends: those of an earlier life first.
func (m *mentions) run(ctx context.Context) {
	const retry = 5 * time.Second
	for ctx.Err() == nil {
		more, err := m.some(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			m.log.Error("mentions wait", "err", err)
			sleep(ctx, retry)
		case !more:
			select {
			case <-m.wake:
			case <-ctx.Done():
			}
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// some handles the oldest facts; more is false when there were none.
func (m *mentions) some(ctx context.Context) (more bool, err error) {
	facts, err := m.store.OutboxEntries(ctx, 100)
	if err != nil {
		return false, err
	}
	for _, f := range facts {
		if err := m.handle(ctx, f); err != nil {
			return true, err
		}
		if err := m.store.DeleteOutboxEntry(ctx, f.ID); err != nil {
			return true, err
		}
	}
	return len(facts) > 0, nil
}

func (m *mentions) handle(ctx context.Context, f store.OutboxEntry) error {
	var msg store.Message
	if err := json.Unmarshal(f.Data, &msg); err != nil || f.Kind != "message" && f.Kind != "deleted" {
		m.log.Error("a fact nobody understands is dropped", "fact", f.ID, "kind", f.Kind, "err", err)
		return nil
	}
	place := (&url.URL{Path: "/s/" + string(msg.Room), Fragment: "m=" + msg.ID}).String()
	if f.Kind == "deleted" {
		return m.withdraw(ctx, string(msg.Room), place)
	}
	switch now, err := m.store.Message(ctx, msg.Room, msg.ID); {
	case errors.Is(err, store.ErrNoMessage) || err == nil && now.Deleted:
		return nil // it is nobody's business any more
	case err != nil:
		return err
	}
	told := map[string]bool{msg.User.ID: true}
	mentioned, err := m.mentioned(ctx, msg)
	if err != nil {
		return err
	}
	// Who is mentioned in a reply to them is told once, of the mention.
	replied, err := m.answered(ctx, msg)
	if err != nil {
		return err
	}
	for _, to := range []struct {
		users       []string
		kind, title string
	}{{mentioned, "mention", msg.User.Name + " mentioned you"}, {replied, "reply", msg.User.Name + " replied"}} {
		for _, user := range to.users {
			if told[user] || m.barred(user, msg.Room) {
				continue
			}
			told[user] = true
			n := notify.Notification{
				ID: notify.NotificationID("message/"+string(msg.Room)+"/"+msg.ID, user), User: user, Kind: to.kind,
				Room: string(msg.Room), Title: to.title, Body: clip(msg.Text, 240), URL: place,
				Actor: notify.Actor{ID: msg.User.ID, Name: msg.User.Name}, CreatedAt: msg.CreatedAt,
			}
			if err := m.notify(ctx, n); err != nil {
				return fmt.Errorf("%s to %s: %w", to.kind, user, err)
			}
		}
	}
	return nil
}

// answered lists whom a message answers: who began its thread and who wrote its
// newest replies.
func (m *mentions) answered(ctx context.Context, msg store.Message) (users []string, err error) {
	if msg.Thread == "" || msg.Version > 1 {
		return nil, nil
	}
	root, err := m.store.Message(ctx, msg.Room, msg.Thread)
	if err != nil {
		if errors.Is(err, store.ErrNoMessage) {
			err = nil
		}
		return nil, err
	}
	replies, err := m.store.Messages(ctx, msg.Room, store.MessagePage{Thread: root.ID, Before: msg.Seq, Limit: threadReach})
	if err != nil {
		return nil, err
	}
	users = append(users, root.User.ID)
	for _, r := range replies {
		users = append(users, r.User.ID)
	}
	return users, nil
}

// threadReach is how many of a thread's replies are looked at for who is told of
// the next one.
const threadReach = 50

// mentioned lists whom a message mentions, some twice.
func (m *mentions) mentioned(ctx context.Context, msg store.Message) ([]string, error) {
	var users []string
	for _, mention := range msg.Mentions {
		if !mention.Room {
			users = append(users, mention.User)
			continue
		}
		members, err := m.store.Members(ctx, msg.Room)
		if err != nil {
			return nil, err
		}
		for _, u := range members {
			users = append(users, u.ID)
		}
	}
	return users, nil
}

// clip cuts a text at n characters, with an ellipsis.
func clip(s string, n int) string {
	count := 0
	for i := range s {
		if count == n {
			return s[:i] + "…"
		}
		count++
	}
	return s
}
