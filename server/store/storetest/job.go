package storetest

import (
	"testing"
	"time"

	"weft/notify"
)

func due(t *testing.T, o *inboxUnderTest, now time.Time, limit int) []notify.Job {
	t.Helper()
	return value(o.S.DueJobs(t.Context(), now, limit))(t)
}

func wantNext(t *testing.T, o *inboxUnderTest, want time.Time) {
	t.Helper()
	next, ok, err := o.S.NextJob(t.Context())
	must(t, err)
	if !ok && !want.IsZero() || !next.Equal(want) {
		t.Fatalf("next job at %v (%v), want %v", next, ok, want)
	}
}

func jobsOrder(t *testing.T, o *inboxUnderTest) {
	wantNext(t, o, time.Time{})
	add(t, o, notification("ann", 0), notify.Push{Wanted: true, At: at(1)}) // no subscription yet
	for i := range 2 {
		must(t, o.S.Subscribe(t.Context(), subscription("ann", i)))
	}
	must(t, o.S.Subscribe(t.Context(), subscription("ben", 1)))
	elsewhere := notification("ann", 3)
	elsewhere.Room = "elsewhere"
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(30)})
	add(t, o, notification("ann", 2), notify.Push{Wanted: false, At: at(1)})
	add(t, o, elsewhere, notify.Push{Wanted: true, At: at(20)})
	o.twice(func() {
		wantNext(t, o, at(20))
		same(t, "jobs", len(due(t, o, at(19), 10)), 0)
		same(t, "jobs", len(due(t, o, at(20), 10)), 2)
		same(t, "jobs", len(due(t, o, at(99), 3)), 3)
		var got []string
		for i, j := range due(t, o, at(99), 10) {
			got = append(got, j.Notification.ID+" to "+j.Subscription.ID)
			same(t, "attempt", j.Attempt, 0)
			want := map[bool]time.Time{true: at(20), false: at(30)}[i < 2]
			same(t, "time", j.NextAt, want)
		}
		same(t, "jobs", got, []string{
			"ann-003 to ann-sub-00", "ann-003 to ann-sub-01", "ann-001 to ann-sub-00", "ann-001 to ann-sub-01",
		})
		job := due(t, o, at(20), 1)[0]
		same(t, "notification", job.Notification, elsewhere)
		same(t, "subscription", job.Subscription, subscription("ann", 0))
	})
}

func jobsRetry(t *testing.T, o *inboxUnderTest) {
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 1)))
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	id := due(t, o, at(1), 10)[0].ID
	for attempt := 1; attempt < 4; attempt++ {
		must(t, o.S.RetryJob(t.Context(), id, at(10*attempt)))
		o.twice(func() {
			wantNext(t, o, at(10*attempt))
			same(t, "jobs", len(due(t, o, at(10*attempt-1), 10)), 0)
			jobs := due(t, o, at(10*attempt), 10)
			same(t, "attempt", jobs[0].Attempt, attempt)
			same(t, "id", jobs[0].ID, id)
		})
	}
	must(t, o.S.FinishJob(t.Context(), id))
	must(t, o.S.FinishJob(t.Context(), id))
	must(t, o.S.RetryJob(t.Context(), id, at(1))) // a job that does not exist is ignored
	o.twice(func() {
		wantNext(t, o, time.Time{})
		same(t, "jobs", len(due(t, o, at(99), 10)), 0)
	})
	add(t, o, notification("ann", 2), notify.Push{Wanted: true, At: at(1)})
	if again := due(t, o, at(1), 10)[0].ID; again <= id {
		t.Fatalf("job %d after job %d: an id was used again", again, id)
	}
}

func jobsTogether(t *testing.T, o *inboxUnderTest) {
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 1)))
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 2)))
	elsewhere := notification("ann", 3)
	elsewhere.Room = "elsewhere"
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(10)})
	add(t, o, notification("ann", 2), notify.Push{Wanted: true, At: at(30)})
	add(t, o, elsewhere, notify.Push{Wanted: true, At: at(20)})
	// job checks the first due job, which is of the first room and subscription 1.
	job := func(now int, want notify.Notification, count, attempt int, next time.Time) int64 {
		t.Helper()
		j := due(t, o, at(now), 10)[0]
		same(t, "job", j, notify.Job{ID: j.ID, Notification: want, Subscription: subscription("ann", 1), Count: count, Attempt: attempt, NextAt: next})
		return j.ID
	}
	var id int64
	o.twice(func() {
		id = job(10, notification("ann", 2), 2, 0, at(10))
		same(t, "jobs", len(due(t, o, at(10), 10)), 2)
		same(t, "jobs", len(due(t, o, at(99), 10)), 4)
		same(t, "jobs", len(due(t, o, at(99), 3)), 3)
	})
	other := due(t, o, at(10), 10)[1].ID
	must(t, o.S.FinishJob(t.Context(), other))
	// The notifications of a room are held and retried together, never before they are due.
	must(t, o.S.HoldJob(t.Context(), id, at(25)))
	add(t, o, notification("ann", 4), notify.Push{Wanted: true, At: at(60)})
	o.twice(func() {
		wantNext(t, o, at(20))
		same(t, "jobs", len(due(t, o, at(24), 10)), 2) // of the room "elsewhere"
	})
	for _, j := range due(t, o, at(24), 10) {
		must(t, o.S.FinishJob(t.Context(), j.ID))
	}
	o.twice(func() {
		wantNext(t, o, at(25))
		job(25, notification("ann", 4), 3, 0, at(25))
	})
	must(t, o.S.RetryJob(t.Context(), id, at(40)))
	o.twice(func() { job(40, notification("ann", 4), 3, 1, at(40)) })
	// Finishing the job does not finish the notification added after it.
	must(t, o.S.FinishJob(t.Context(), id))
	o.twice(func() {
		wantNext(t, o, at(60))
		job(60, notification("ann", 4), 1, 0, at(60))
	})
	must(t, o.S.HoldJob(t.Context(), id, at(70))) // a job that does not exist is ignored
	wantNext(t, o, at(60))
	must(t, o.S.Withdraw(t.Context(), "a/b", notification("ann", 4).URL))
	wantNext(t, o, time.Time{})
}

func jobsLimit(t *testing.T, o *inboxUnderTest) {
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 1)))
	elsewhere := notification("ann", 500)
	elsewhere.Room = "elsewhere"
	add(t, o, elsewhere, notify.Push{Wanted: true, At: at(1)})
	for i := range 102 {
		add(t, o, notification("ann", i), notify.Push{Wanted: true, At: at(i + 5)})
		if i < 98 {
			continue
		}
		o.twice(func() {
			j := due(t, o, at(5), 10)[1]
			same(t, "newest", j.Notification, notification("ann", i))
			same(t, "count", j.Count, min(i+1, 100))
			same(t, "time", j.NextAt, at(5))
		})
	}
	wantInbox(t, o, "ann", notify.Page{Limit: 1}, 103, 103, elsewhere)
}

func jobsRead(t *testing.T, o *inboxUnderTest) {
	for i := range 2 {
		must(t, o.S.Subscribe(t.Context(), subscription("ann", i)))
	}
	must(t, o.S.Subscribe(t.Context(), subscription("ben", 1)))
	for i := range 3 {
		add(t, o, notification("ann", i), notify.Push{Wanted: true, At: at(i)})
		add(t, o, notification("ben", i), notify.Push{Wanted: true, At: at(i + 50)})
	}
	must(t, o.S.MarkRead(t.Context(), "ann", notification("ann", 2).ID, at(3)))
	o.twice(func() {
		jobs := due(t, o, at(9), 10)
		same(t, "jobs", len(jobs), 2)
		for _, j := range jobs {
			same(t, "newest", j.Notification, notification("ann", 1))
			same(t, "count", j.Count, 2)
		}
	})
	must(t, o.S.MarkAllRead(t.Context(), "ann", at(4)))
	o.twice(func() {
		wantNext(t, o, at(50))
		same(t, "count", due(t, o, at(99), 10)[0].Count, 3)
	})
}

func jobsPrune(t *testing.T, o *inboxUnderTest) {
	for i := range 2 {
		must(t, o.S.Subscribe(t.Context(), subscription("ann", i)))
	}
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	must(t, o.S.Prune(t.Context(), subscription("ann", 0).ID))
	must(t, o.S.Prune(t.Context(), "unknown"))
	o.twice(func() {
		jobs := due(t, o, at(99), 10)
		if len(jobs) != 1 || jobs[0].Subscription.ID != subscription("ann", 1).ID {
			t.Fatalf("jobs left: %+v", jobs)
		}
		same(t, "subscriptions", value(o.S.Subscriptions(t.Context(), "ann"))(t), []notify.Subscription{subscription("ann", 1)})
	})
	must(t, o.S.Prune(t.Context(), subscription("ann", 1).ID))
	wantNext(t, o, time.Time{})
	wantInbox(t, o, "ann", notify.Page{}, 1, 1, notification("ann", 1))
}
