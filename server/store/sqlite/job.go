package sqlite

import (
	"context"
	"database/sql"
	"time"

	"weft/notify"
)

// DueJobs implements notify.Inbox.
func (s *Store) DueJobs(ctx context.Context, now time.Time, limit int) (jobs []notify.Job, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		return queryIn(ctx, tx).each(func(rows *sql.Rows) error {
			var j notify.Job
			var next, created int64
			more := append([]any{&j.ID, &j.Attempt, &next}, subscriptionFields(&j.Subscription, &created)...)
			err := scanNotification(rows, &j.Notification, more...)
			j.NextAt, j.Subscription.CreatedAt = timeOf(next), timeOf(created)
			jobs = append(jobs, j)
			return err
		}, "SELECT "+notificationColumns+", j.id, j.attempt, j.next_at, "+subscriptionColumns+
			" FROM jobs j JOIN notifications n ON n.n = j.notification JOIN subscriptions s ON s.n = j.subscription"+
			" WHERE j.next_at <= ? ORDER BY j.next_at, j.id LIMIT ?", millis(now), max(limit, 0))
	})
	if err != nil {
		return nil, fail("due jobs", err)
	}
	return jobs, nil
}

// NextJob implements notify.Inbox.
func (s *Store) NextJob(ctx context.Context) (at time.Time, ok bool, err error) {
	var next sql.NullInt64
	if err := s.readers.QueryRowContext(ctx, "SELECT min(next_at) FROM jobs").Scan(&next); err != nil || !next.Valid {
		return time.Time{}, false, fail("next job", err)
	}
	return timeOf(next.Int64), true, nil
}

// FinishJob implements notify.Inbox. A job that is gone is finished.
func (s *Store) FinishJob(ctx context.Context, id int64) error {
	return fail("finish job", s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM jobs WHERE id = ?", id)
		return err
	}))
}

// RetryJob implements notify.Inbox. A job that is gone stays gone.
func (s *Store) RetryJob(ctx context.Context, id int64, at time.Time) error {
	return fail("retry job", s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE jobs SET attempt = attempt + 1, next_at = ? WHERE id = ?", millis(at), id)
		return err
	}))
}
