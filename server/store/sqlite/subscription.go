package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"weft/notify"
)

// maxSubscriptions is how many subscriptions one person has; the oldest are deleted.
const maxSubscriptions = 20

// Subscribe implements notify.Inbox. If another person had the endpoint, the pushes queued
// for them are deleted.
func (s *Store) Subscribe(ctx context.Context, sub notify.Subscription) error {
	if sub.ID == "" || sub.User == "" || sub.Endpoint == "" {
		return fail("subscribe", errors.New("no id, person or endpoint"))
	}
	return fail("subscribe", s.write(ctx, func(t *tx) error {
		var row int64
		var owner string
		known, err := t.row("SELECT n, usr FROM subscriptions WHERE endpoint = ?", []any{sub.Endpoint}, &row, &owner)
		if err != nil {
			return err
		}
		// Empty keys are stored as such, not as NULL.
		keys := []any{append([]byte{}, sub.P256dh...), append([]byte{}, sub.Auth...)}
		if known {
			if _, err := t.exec("UPDATE subscriptions SET id = ?, usr = ?, p256dh = ?, auth = ?, created_at = ? WHERE n = ?",
				sub.ID, sub.User, keys[0], keys[1], millis(sub.CreatedAt), row); err != nil {
				return err
			}
			if owner != sub.User {
				if _, err := t.exec("DELETE FROM jobs WHERE subscription = ?", row); err != nil {
					return err
				}
			}
		} else if _, err := t.row("INSERT INTO subscriptions (id, usr, endpoint, p256dh, auth, created_at) VALUES (?, ?, ?, ?, ?, ?) RETURNING n",
			[]any{sub.ID, sub.User, sub.Endpoint, keys[0], keys[1], millis(sub.CreatedAt)}, &row); err != nil {
			return err
		}
		// The new one is kept even if its CreatedAt is the oldest.
		return t.deleteSubscriptions("usr = ?1 AND n <> ?2 AND n NOT IN (SELECT n FROM subscriptions WHERE usr = ?1 AND n <> ?2 ORDER BY created_at DESC, n DESC LIMIT ?3)",
			sub.User, row, maxSubscriptions-1)
	}))
}

// deleteSubscriptions deletes the subscriptions that where selects, with their jobs.
func (t *tx) deleteSubscriptions(where string, args ...any) error {
	if _, err := t.exec("DELETE FROM jobs WHERE subscription IN (SELECT n FROM subscriptions WHERE "+where+")", args...); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM subscriptions WHERE "+where, args...)
	return err
}

// Unsubscribe implements notify.Inbox.
func (s *Store) Unsubscribe(ctx context.Context, user, endpoint string) error {
	return fail("unsubscribe", s.write(ctx, func(t *tx) error {
		return t.deleteSubscriptions("usr = ? AND endpoint = ?", user, endpoint)
	}))
}

// Prune implements notify.Inbox.
func (s *Store) Prune(ctx context.Context, subscription string) error {
	return fail("prune", s.write(ctx, func(t *tx) error {
		return t.deleteSubscriptions("id = ?", subscription)
	}))
}

// subscriptionColumns are what subscriptionFields points at, of a table called s.
const subscriptionColumns = "s.id, s.usr, s.endpoint, s.p256dh, s.auth, s.created_at"

// subscriptionFields returns where to scan subscriptionColumns to.
func subscriptionFields(s *notify.Subscription, created *int64) []any {
	return []any{&s.ID, &s.User, &s.Endpoint, &s.P256dh, &s.Auth, created}
}

// Subscriptions implements notify.Inbox. Oldest first.
func (s *Store) Subscriptions(ctx context.Context, user string) (subs []notify.Subscription, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		return queryIn(ctx, tx).each(func(rows *sql.Rows) error {
			var sub notify.Subscription
			var created int64
			err := rows.Scan(subscriptionFields(&sub, &created)...)
			sub.CreatedAt = timeOf(created)
			subs = append(subs, sub)
			return err
		}, "SELECT "+subscriptionColumns+" FROM subscriptions s WHERE s.usr = ? ORDER BY s.created_at, s.n", user)
	})
	if err != nil {
		return nil, fail("subscriptions", err)
	}
	return subs, nil
}
