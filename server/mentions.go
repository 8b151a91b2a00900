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

// mentions turns stored facts about messages into notifications. A fact is
// done only after all of its notifications are stored, and they have ids made
// from their cause: a crash in between costs nothing and doubles nothing.
type mentions struct {
	store  mentionStore
	notify func(context.Context, notify.Notification) error
	// barred tells whether a person may not even read the room any more.
	barred func(user string, room store.RoomID) bool
	log    *slog.Logger
	wake   chan struct{}
}

type mentionStore interface {
	Facts(ctx context.Context, limit int) ([]store.Fact, error)
	DoneFact(ctx context.Context, id int64) error
	Members(ctx context.Context, room store.RoomID) ([]store.User, error)
	Message(ctx context.Context, room store.RoomID, id string) (store.Message, error)
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
	facts, err := m.store.Facts(ctx, 100)
	if err != nil {
		return false, err
	}
	for _, f := range facts {
		if err := m.handle(ctx, f); err != nil {
			return true, err
		}
		if err := m.store.DoneFact(ctx, f.ID); err != nil {
			return true, err
		}
	}
	return len(facts) > 0, nil
}

func (m *mentions) handle(ctx context.Context, f store.Fact) error {
	var msg store.Message
	if err := json.Unmarshal(f.Data, &msg); err != nil || f.Kind != "message" {
		m.log.Error("a fact nobody understands is dropped", "fact", f.ID, "kind", f.Kind, "err", err)
		return nil
	}
	switch now, err := m.store.Message(ctx, msg.Room, msg.ID); {
	case errors.Is(err, store.ErrNoMessage) || err == nil && now.Deleted:
		return nil // it is nobody's business any more
	case err != nil:
		return err
	}
	users, err := m.mentioned(ctx, msg)
	if err != nil {
		return err
	}
	for _, user := range users {
		n := notify.Notification{
			ID: notify.NotificationID("message/"+string(msg.Room)+"/"+msg.ID, user), User: user, Kind: "mention",
			Room: string(msg.Room), Title: msg.User.Name + " mentioned you", Body: clip(msg.Text, 240),
			URL:   (&url.URL{Path: "/s/" + string(msg.Room), Fragment: "m=" + msg.ID}).String(),
			Actor: notify.Actor{ID: msg.User.ID, Name: msg.User.Name}, CreatedAt: msg.CreatedAt,
		}
		if err := m.notify(ctx, n); err != nil {
			return fmt.Errorf("mention of %s: %w", user, err)
		}
	}
	return nil
}

// mentioned lists who is told of a message: each once, never its author, nor who
// may not read it.
func (m *mentions) mentioned(ctx context.Context, msg store.Message) ([]string, error) {
	var users []string
	seen := map[string]bool{msg.User.ID: true}
	add := func(user string) {
		if !seen[user] && !m.barred(user, msg.Room) {
			seen[user] = true
			users = append(users, user)
		}
	}
	for _, mention := range msg.Mentions {
		if !mention.Room {
			add(mention.User)
			continue
		}
		members, err := m.store.Members(ctx, msg.Room)
		if err != nil {
			return nil, err
		}
		for _, u := range members {
			add(u.ID)
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
