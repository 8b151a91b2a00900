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
	"weft/server/internal/signal"
	"weft/server/internal/text"
	"weft/server/store"
)

const (
	outboxBatch = 100             // entries read at once
	outboxRetry = 5 * time.Second // pause after a failure
	// maxThreadAuthors is how many of a thread's newest replies are read to find
	// who is notified of the next reply.
	maxThreadAuthors = 50
	maxNotifiedText  = 240 // characters of a message in its notification
)

// outboxWorker turns the store's outbox entries into notifications:
//
//	message that mentions people → a "mention" to each of them
//	reply                        → a "reply" to those who take part in the thread
//	deleted message              → its notifications are emptied
//
// An entry is deleted only when all of its notifications are stored. Their ids are
// made from the message and the person, so handling an entry again after a crash
// makes no second notification.
//
// One goroutine runs run. wakeUp may be called from any.
type outboxWorker struct {
	outboxConfig
	wake signal.Signal // set if there may be new entries
}

// outboxConfig is what an outboxWorker needs; all of it.
type outboxConfig struct {
	store  outboxStore
	notify func(context.Context, notify.Notification) error
	// withdraw empties the notifications of a room that link to url.
	withdraw func(ctx context.Context, room, url string) error
	// isBarred reports whether the user may no longer even read the room.
	isBarred func(user string, room store.RoomID) bool
	log      *slog.Logger
}

type outboxStore interface {
	store.Outbox
	Members(ctx context.Context, room store.RoomID) ([]store.User, error)
	Message(ctx context.Context, room store.RoomID, id string) (store.Message, error)
	Messages(ctx context.Context, room store.RoomID, p store.MessagePage) ([]store.Message, error)
}

func newOutboxWorker(c outboxConfig) *outboxWorker {
	return &outboxWorker{outboxConfig: c, wake: signal.New()}
}

// wakeUp tells the worker that there may be new entries. It does not block.
func (w *outboxWorker) wakeUp() {
	w.wake.Set()
}

// run handles entries until ctx ends, beginning with those that an earlier run of
// the server has left. After a failure it tries again every outboxRetry.
func (w *outboxWorker) run(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := w.handleBatch(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			w.log.Error("outbox: notifications are delayed", "retry_in", outboxRetry, "err", err)
			sleep(ctx, outboxRetry)
		case n == 0:
			select {
			case <-w.wake.C():
			case <-ctx.Done():
			}
		}
	}
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// handleBatch handles the oldest entries and returns how many it found. It stops at
// the first entry that fails.
func (w *outboxWorker) handleBatch(ctx context.Context) (int, error) {
	entries, err := w.store.OutboxEntries(ctx, outboxBatch)
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		if err := w.handle(ctx, e); err != nil {
			return len(entries), err
		}
		if err := w.store.DeleteOutboxEntry(ctx, e.ID); err != nil {
			return len(entries), err
		}
	}
	return len(entries), nil
}

// handle notifies people of one change. An entry of an unknown kind is ignored.
func (w *outboxWorker) handle(ctx context.Context, e store.OutboxEntry) error {
	var msg store.Message
	if err := json.Unmarshal(e.Data, &msg); err != nil {
		w.log.Error("outbox: entry dropped: not a message", "entry", e.ID, "kind", e.Kind, "err", err)
		return nil
	}
	switch e.Kind {
	case store.OutboxMessage:
		return w.notifyOf(ctx, msg)
	case store.OutboxDeleted:
		return w.withdraw(ctx, string(msg.Room), messageURL(msg))
	}
	w.log.Error("outbox: entry dropped: unknown kind", "entry", e.ID, "kind", e.Kind)
	return nil
}

// messageURL is the path of a message's room, with the message in its fragment.
func messageURL(m store.Message) string {
	return (&url.URL{Path: "/s/" + string(m.Room), Fragment: "m=" + m.ID}).String()
}

// notifyOf notifies those whom the message mentions, and of a reply those who take
// part in its thread. Everybody is notified once at most, of the mention first; the
// author and people who are barred from the room are not notified at all.
func (w *outboxWorker) notifyOf(ctx context.Context, msg store.Message) error {
	switch now, err := w.store.Message(ctx, msg.Room, msg.ID); {
	case errors.Is(err, store.ErrNoMessage) || err == nil && now.Deleted:
		return nil // deleted since: nobody is to be notified any more
	case err != nil:
		return err
	}
	mentioned, err := w.mentionedUsers(ctx, msg)
	if err != nil {
		return err
	}
	repliedTo, err := w.threadUsers(ctx, msg)
	if err != nil {
		return err
	}
	done := map[string]bool{msg.User.ID: true}
	for _, to := range []struct {
		users       []string
		kind, title string
	}{
		{mentioned, "mention", msg.User.Name + " mentioned you"},
		{repliedTo, "reply", msg.User.Name + " replied"},
	} {
		for _, user := range to.users {
			if done[user] || w.isBarred(user, msg.Room) {
				continue
			}
			done[user] = true
			n := notify.Notification{
				ID: notify.NotificationID("message/"+string(msg.Room)+"/"+msg.ID, user), User: user, Kind: to.kind,
				Room: string(msg.Room), Title: to.title, Body: text.Shorten(msg.Text, maxNotifiedText), URL: messageURL(msg),
				Actor: notify.Actor{ID: msg.User.ID, Name: msg.User.Name}, CreatedAt: msg.CreatedAt,
			}
			if err := w.notify(ctx, n); err != nil {
				return fmt.Errorf("%s to %s: %w", to.kind, user, err)
			}
		}
	}
	return nil
}

// threadUsers lists who takes part in the thread that a reply belongs to: the author
// of the thread's first message and those of its newest replies, with repetitions.
// An edit of a reply notifies none of them.
func (w *outboxWorker) threadUsers(ctx context.Context, msg store.Message) (users []string, err error) {
	if msg.Thread == "" || msg.Version > 1 {
		return nil, nil
	}
	root, err := w.store.Message(ctx, msg.Room, msg.Thread)
	if err != nil {
		if errors.Is(err, store.ErrNoMessage) {
			err = nil // an import may lack it
		}
		return nil, err
	}
	replies, err := w.store.Messages(ctx, msg.Room, store.MessagePage{Thread: root.ID, Before: msg.Seq, Limit: maxThreadAuthors})
	if err != nil {
		return nil, err
	}
	users = append(users, root.User.ID)
	for _, r := range replies {
		users = append(users, r.User.ID)
	}
	return users, nil
}

// mentionedUsers lists whom a message mentions, with repetitions; @room stands for
// all members of the room.
func (w *outboxWorker) mentionedUsers(ctx context.Context, msg store.Message) ([]string, error) {
	var users []string
	for _, mention := range msg.Mentions {
		if !mention.Room {
			users = append(users, mention.User)
			continue
		}
		members, err := w.store.Members(ctx, msg.Room)
		if err != nil {
			return nil, err
		}
		for _, u := range members {
			users = append(users, u.ID)
		}
	}
	return users, nil
}
