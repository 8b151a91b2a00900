package sqlite

import (
	"context"
	"database/sql"
	"time"

	"weft/notify"
)

// maxJobsPerRoom is how many pushes to one device about one room are queued. Beyond it
// each new one replaces the newest: the oldest stays, as it says when a push is due.
const maxJobsPerRoom = 100

// queueJobs queues a push of the notification to each of the person's devices.
func (t *tx) queueJobs(notification int64, n notify.Notification, at time.Time) error {
	if _, err := t.exec(`DELETE FROM jobs WHERE id IN (SELECT max(j.id) FROM subscriptions s JOIN jobs j ON j.subscription = s.n AND j.room = ?
		WHERE s.usr = ? GROUP BY s.n HAVING count(*) >= ?)`, n.Room, n.User, maxJobsPerRoom); err != nil {
		return err
	}
	_, err := t.exec("INSERT INTO jobs (notification, subscription, room, attempt, next_at) SELECT ?, n, ?, 0, ? FROM subscriptions WHERE usr = ? ORDER BY n",
		notification, n.Room, millis(at), n.User)
	return err
}

// group is the jobs of one subscription about one room, which are sent as one push.
type group struct {
	subscription int64
	room         string
}

// DueJobs implements notify.Inbox.
func (s *Store) DueJobs(ctx context.Context, now time.Time, limit int) (jobs []notify.Job, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		groups, err := dueGroups(ctx, tx, now, limit)
		if err != nil {
			return err
		}
		for _, g := range groups {
			if err := queryIn(ctx, tx).each(func(rows *sql.Rows) error {
				var j notify.Job
				var next, created int64
				more := append([]any{&j.ID, &j.Attempt, &next, &j.Count}, subscriptionFields(&j.Subscription, &created)...)
				err := scanNotification(rows, &j.Notification, more...)
				j.NextAt, j.Subscription.CreatedAt = timeOf(next), timeOf(created)
				jobs = append(jobs, j)
				return err
			}, "SELECT "+notificationColumns+", g.id, g.attempt, g.next_at, g.waiting, "+subscriptionColumns+
				" FROM (SELECT max(id) AS id, max(attempt) AS attempt, min(next_at) AS next_at, count(*) AS waiting FROM jobs WHERE subscription = ? AND room = ?) g"+
				" JOIN jobs j ON j.id = g.id JOIN notifications n ON n.n = j.notification JOIN subscriptions s ON s.n = j.subscription", g.subscription, g.room); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fail("due jobs", err)
	}
	return jobs, nil
}

// dueGroups lists up to limit groups that have a job that is due, those due first first.
// It stops reading when it has them.
func dueGroups(ctx context.Context, tx *sql.Tx, now time.Time, limit int) (groups []group, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT subscription, room FROM jobs WHERE next_at <= ? ORDER BY next_at, id", millis(now))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	seen := map[group]bool{}
	for len(groups) < limit && rows.Next() {
		var g group
		if err := rows.Scan(&g.subscription, &g.room); err != nil {
			return nil, err
		}
		if !seen[g] {
			seen[g] = true
			groups = append(groups, g)
		}
	}
	return groups, rows.Err()
}

// NextJob implements notify.Inbox.
func (s *Store) NextJob(ctx context.Context) (at time.Time, ok bool, err error) {
	var next sql.NullInt64
	if err := s.readers.QueryRowContext(ctx, "SELECT min(next_at) FROM jobs").Scan(&next); err != nil || !next.Valid {
		return time.Time{}, false, fail("next job", err)
	}
	return timeOf(next.Int64), true, nil
}

// sameGroup selects the jobs that a Job from DueJobs stands for: those of its group that
// are not newer. If the job is gone, it selects nothing.
const sameGroup = " WHERE subscription = (SELECT subscription FROM jobs WHERE id = ?1) AND room = (SELECT room FROM jobs WHERE id = ?1) AND id <= ?1"

// FinishJob implements notify.Inbox. A job that is gone is no error.
func (s *Store) FinishJob(ctx context.Context, id int64) error {
	return fail("finish job", s.write(ctx, func(t *tx) error {
		_, err := t.exec("DELETE FROM jobs"+sameGroup, id)
		return err
	}))
}

// HoldJob implements notify.Inbox. A job that is gone stays gone.
func (s *Store) HoldJob(ctx context.Context, id int64, at time.Time) error {
	return fail("hold job", s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE jobs SET next_at = max(next_at, ?2)"+sameGroup, id, millis(at))
		return err
	}))
}

// RetryJob implements notify.Inbox. A job that is gone stays gone.
func (s *Store) RetryJob(ctx context.Context, id int64, at time.Time) error {
	return fail("retry job", s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE jobs SET attempt = attempt + 1, next_at = max(next_at, ?2)"+sameGroup, id, millis(at))
		return err
	}))
}
