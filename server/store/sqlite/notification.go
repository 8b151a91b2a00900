package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"weft/notify"
)

// Add implements notify.Inbox.
func (s *Store) Add(ctx context.Context, n notify.Notification, push notify.Push) (added bool, err error) {
	if n.ID == "" || n.User == "" {
		return false, fail("add notification", errors.New("no id or no person"))
	}
	err = s.write(ctx, func(t *tx) error {
		var row int64
		added, err = t.row("INSERT INTO notifications (id, usr, kind, room, title, body, url, actor, actor_name, created_at, seen_at, read_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING n",
			[]any{n.ID, n.User, n.Kind, n.Room, n.Title, n.Body, n.URL, n.Actor.ID, n.Actor.Name, millis(n.CreatedAt), millisPtr(n.SeenAt), millisPtr(n.ReadAt)}, &row)
		if err != nil || !added || !push.Wanted {
			return err
		}
		return t.queueJobs(row, n, push.At)
	})
	if err != nil {
		return false, fail("add notification", err)
	}
	return added, nil
}

// notificationColumns are what scanNotification reads, of a table called n.
const notificationColumns = "n.id, n.usr, n.kind, n.room, n.title, n.body, n.url, n.actor, n.actor_name, n.created_at, n.seen_at, n.read_at"

// scanNotification reads notificationColumns and then more.
func scanNotification(rows *sql.Rows, n *notify.Notification, more ...any) error {
	var created int64
	var seen, read sql.NullInt64
	err := rows.Scan(append([]any{&n.ID, &n.User, &n.Kind, &n.Room, &n.Title, &n.Body, &n.URL, &n.Actor.ID, &n.Actor.Name, &created, &seen, &read}, more...)...)
	n.CreatedAt, n.SeenAt, n.ReadAt = timeOf(created), timePtr(seen), timePtr(read)
	return err
}

// Limits of a page of notifications.
const (
	defaultInboxPage = 50
	maxInboxPage     = 100
)

// List implements notify.Inbox.
func (s *Store) List(ctx context.Context, user string, p notify.Page) (list []notify.Notification, counts notify.Counts, err error) {
	list = []notify.Notification{}
	err = s.read(ctx, func(tx *sql.Tx) error {
		where, args := "n.usr = ?", []any{user}
		if p.UnreadOnly {
			where += " AND n.read_at IS NULL"
		}
		if p.Before != "" {
			var created, row int64
			switch err := tx.QueryRowContext(ctx, "SELECT created_at, n FROM notifications WHERE id = ? AND usr = ?", p.Before, user).Scan(&created, &row); {
			case errors.Is(err, sql.ErrNoRows):
				return notify.ErrNotFound
			case err != nil:
				return err
			}
			where, args = where+" AND (n.created_at, n.n) < (?, ?)", append(args, created, row)
		}
		limit := p.Limit
		if limit <= 0 {
			limit = defaultInboxPage
		}
		args = append(args, min(limit, maxInboxPage))
		if err := queryIn(ctx, tx).each(func(rows *sql.Rows) error {
			var n notify.Notification
			err := scanNotification(rows, &n)
			list = append(list, n)
			return err
		}, "SELECT "+notificationColumns+" FROM notifications n WHERE "+where+" ORDER BY n.created_at DESC, n.n DESC LIMIT ?", args...); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM notifications WHERE usr = ?1 AND read_at IS NULL),
			(SELECT count(*) FROM notifications WHERE usr = ?1 AND seen_at IS NULL)`, user).Scan(&counts.Unread, &counts.Unseen)
	})
	if err != nil {
		return nil, notify.Counts{}, fail("list notifications", err)
	}
	return list, counts, nil
}

// MarkRead implements notify.Inbox. The first times stay.
func (s *Store) MarkRead(ctx context.Context, user, id string, at time.Time) error {
	return fail("mark read", s.write(ctx, func(t *tx) error {
		done, err := t.exec("UPDATE notifications SET seen_at = coalesce(seen_at, ?1), read_at = coalesce(read_at, ?1) WHERE id = ?2 AND usr = ?3", millis(at), id, user)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, notify.ErrNotFound)
		}
		_, err = t.exec("DELETE FROM jobs WHERE subscription IN (SELECT n FROM subscriptions WHERE usr = ?2) AND notification = (SELECT n FROM notifications WHERE id = ?1)", id, user)
		return err
	}))
}

// Withdraw implements notify.Inbox.
func (s *Store) Withdraw(ctx context.Context, room, url string) error {
	return fail("withdraw", s.write(ctx, func(t *tx) error {
		if _, err := t.exec("DELETE FROM jobs WHERE notification IN (SELECT n FROM notifications WHERE room = ? AND url = ?)", room, url); err != nil {
			return err
		}
		_, err := t.exec("UPDATE notifications SET body = '' WHERE room = ? AND url = ?", room, url)
		return err
	}))
}

// MarkAllRead implements notify.Inbox.
func (s *Store) MarkAllRead(ctx context.Context, user string, at time.Time) error {
	return fail("mark all read", s.write(ctx, func(t *tx) error {
		if _, err := t.exec("UPDATE notifications SET seen_at = coalesce(seen_at, ?1), read_at = ?1 WHERE usr = ?2 AND read_at IS NULL", millis(at), user); err != nil {
			return err
		}
		_, err := t.exec("DELETE FROM jobs WHERE subscription IN (SELECT n FROM subscriptions WHERE usr = ?)", user)
		return err
	}))
}
