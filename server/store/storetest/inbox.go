package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weft/notify"
)

type inboxUnderTest = opened[notify.Inbox]

// RunInbox runs the suite of notify.Inbox; open is as for Run.
func RunInbox(t *testing.T, open func(t *testing.T, dir string) notify.Inbox) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *inboxUnderTest)
	}{
		{"notifications/the same id is added once", inboxOnce},
		{"notifications/pages, newest first", inboxPages},
		{"notifications/read and seen", inboxRead},
		{"notifications/of one person only", inboxOthers},
		{"notifications/withdrawn", inboxWithdrawn},
		{"subscriptions/replaced by endpoint", subscriptionReplaced},
		{"subscriptions/20 per person", subscriptionLimit},
		{"subscriptions/a browser that changes hands", subscriptionMoves},
		{"jobs/one per subscription, in order of time", jobsOrder},
		{"jobs/retry and finish", jobsRetry},
		{"jobs/of one room together", jobsTogether},
		{"jobs/100 of one room", jobsLimit},
		{"jobs/read, nothing rings", jobsRead},
		{"jobs/go with their subscription", jobsPrune},
		{"all methods at once", inboxEverything},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, newOpened(t, open))
		})
	}
}

func inboxWithdrawn(t *testing.T, o *inboxUnderTest) {
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 1)))
	gone, kept, other := notification("ann", 1), notification("ann", 2), notification("ann", 3)
	gone.URL, other.URL, other.Room = "/s/a/b#m=1", "/s/a/b#m=1", "c"
	kept.URL = "/s/a/b#m=2"
	for _, n := range []notify.Notification{gone, kept, other} {
		add(t, o, n, notify.Push{Wanted: true, At: at(5)})
	}
	must(t, o.S.Withdraw(t.Context(), "a/b", "/s/a/b#m=1"))
	must(t, o.S.Withdraw(t.Context(), "a/b", "/s/a/b#m=9"))
	gone.Body = ""
	o.twice(func() {
		list, counts, err := o.S.List(t.Context(), "ann", notify.Page{})
		must(t, err)
		same(t, "inbox", list, []notify.Notification{other, kept, gone})
		same(t, "counts", counts, notify.Counts{Unread: 3, Unseen: 3})
		var pushed []string
		for _, j := range value(o.S.DueJobs(t.Context(), at(9), 10))(t) {
			pushed = append(pushed, j.Notification.ID)
			same(t, "count", j.Count, 1)
		}
		same(t, "pushes", pushed, []string{kept.ID, other.ID})
	})
}

func notification(user string, n int) notify.Notification {
	return notify.Notification{
		ID: fmt.Sprintf("%s-%03d", user, n), User: user, Kind: "mention", Room: "a/b", Title: "Ben mentioned you",
		Body: fmt.Sprint("body ", n), URL: "/s/a/b", Actor: notify.Actor{ID: "ben", Name: "Ben"}, CreatedAt: at(n),
	}
}

func subscription(user string, n int) notify.Subscription {
	id := fmt.Sprintf("%s-sub-%02d", user, n)
	return notify.Subscription{
		ID: id, User: user, Endpoint: "https://push.example/" + id, P256dh: []byte{4, byte(n), 0, 255}, Auth: []byte{byte(n), 7}, CreatedAt: at(n),
	}
}

func add(t *testing.T, o *inboxUnderTest, n notify.Notification, push notify.Push) {
	t.Helper()
	if !value(o.S.Add(t.Context(), n, push))(t) {
		t.Fatalf("notification %q was there already", n.ID)
	}
}

func wantInbox(t *testing.T, o *inboxUnderTest, user string, p notify.Page, unread, unseen int, want ...notify.Notification) {
	t.Helper()
	list, counts, err := o.S.List(t.Context(), user, p)
	must(t, err)
	if list == nil {
		t.Fatal("the list is nil, want it empty")
	}
	same(t, "list", list, append([]notify.Notification{}, want...))
	same(t, "counts", counts, notify.Counts{Unread: unread, Unseen: unseen})
}

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

func inboxOnce(t *testing.T, o *inboxUnderTest) {
	wantInbox(t, o, "ann", notify.Page{}, 0, 0)
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 1)))
	push := notify.Push{Wanted: true, At: at(5)}
	add(t, o, notification("ann", 1), push)
	again := notification("ann", 1)
	again.Body = "another body"
	o.twice(func() {
		if value(o.S.Add(t.Context(), again, push))(t) {
			t.Fatal("added twice")
		}
		wantInbox(t, o, "ann", notify.Page{}, 1, 1, notification("ann", 1))
		if jobs := due(t, o, at(99), 10); len(jobs) != 1 {
			t.Fatalf("%d jobs, want 1", len(jobs))
		}
	})
	// A time in another zone and with microseconds comes back in UTC, whole
	// milliseconds.
	odd := notification("ann", 2)
	odd.CreatedAt = odd.CreatedAt.Add(500 * time.Microsecond).In(time.FixedZone("east", 3600))
	add(t, o, odd, notify.Push{})
	wantInbox(t, o, "ann", notify.Page{}, 2, 2, notification("ann", 2), notification("ann", 1))
}

func inboxPages(t *testing.T, o *inboxUnderTest) {
	const n = 105
	var all []notify.Notification // newest first
	for i := range n {
		add(t, o, notification("ann", i), notify.Push{})
		all = append([]notify.Notification{notification("ann", i)}, all...)
	}
	list := func(p notify.Page, from, to int) {
		t.Helper()
		wantInbox(t, o, "ann", p, n, n, all[from:to]...)
	}
	list(notify.Page{}, 0, 50)
	list(notify.Page{Limit: 3}, 0, 3)
	list(notify.Page{Limit: 1000}, 0, 100)
	list(notify.Page{Before: all[2].ID, Limit: 3}, 3, 6)
	list(notify.Page{Before: all[2].ID, Limit: 3, UnreadOnly: true}, 3, 6)
	list(notify.Page{Before: all[100].ID}, 101, 105)
	list(notify.Page{Before: all[104].ID}, 0, 0)
	for _, before := range []string{"unknown", "ben-001"} {
		if before == "ben-001" {
			add(t, o, notification("ben", 1), notify.Push{})
		}
		if _, _, err := o.S.List(t.Context(), "ann", notify.Page{Before: before}); !errors.Is(err, notify.ErrNotFound) {
			t.Fatalf("before %q: error %v, want ErrNotFound", before, err)
		}
	}
	// Of one time, the one added last is the newest.
	twin := notification("ann", n-1)
	twin.ID = "a twin"
	add(t, o, twin, notify.Push{})
	wantInbox(t, o, "ann", notify.Page{Limit: 2}, n+1, n+1, twin, all[0])
	wantInbox(t, o, "ann", notify.Page{Limit: 1, Before: twin.ID}, n+1, n+1, all[0])
}

func inboxRead(t *testing.T, o *inboxUnderTest) {
	var n [4]notify.Notification
	for i := range n {
		n[i] = notification("ann", i)
		add(t, o, n[i], notify.Push{})
	}
	mark := func(i int, when time.Time) {
		n[i].SeenAt, n[i].ReadAt = &when, &when
	}
	must(t, o.S.MarkRead(t.Context(), "ann", n[1].ID, at(10)))
	must(t, o.S.MarkRead(t.Context(), "ann", n[1].ID, at(11))) // the first time stays
	mark(1, at(10))
	o.twice(func() {
		wantInbox(t, o, "ann", notify.Page{}, 3, 3, n[3], n[2], n[1], n[0])
		wantInbox(t, o, "ann", notify.Page{UnreadOnly: true}, 3, 3, n[3], n[2], n[0])
		wantInbox(t, o, "ann", notify.Page{UnreadOnly: true, Before: n[1].ID}, 3, 3, n[0])
	})
	must(t, o.S.MarkAllRead(t.Context(), "ann", at(12)))
	for _, i := range []int{0, 2, 3} {
		mark(i, at(12))
	}
	o.twice(func() {
		wantInbox(t, o, "ann", notify.Page{}, 0, 0, n[3], n[2], n[1], n[0])
		wantInbox(t, o, "ann", notify.Page{UnreadOnly: true}, 0, 0)
	})
	must(t, o.S.MarkAllRead(t.Context(), "nobody", at(12)))
}

func inboxOthers(t *testing.T, o *inboxUnderTest) {
	add(t, o, notification("ann", 1), notify.Push{})
	add(t, o, notification("ben", 2), notify.Push{})
	for _, id := range []string{"unknown", notification("ben", 2).ID} {
		if err := o.S.MarkRead(t.Context(), "ann", id, at(9)); !errors.Is(err, notify.ErrNotFound) {
			t.Fatalf("error %v, want ErrNotFound", err)
		}
	}
	must(t, o.S.MarkAllRead(t.Context(), "ann", at(9)))
	wantInbox(t, o, "ben", notify.Page{}, 1, 1, notification("ben", 2))
}

func subscriptionReplaced(t *testing.T, o *inboxUnderTest) {
	if subs := value(o.S.Subscriptions(t.Context(), "ann"))(t); len(subs) != 0 {
		t.Fatalf("subscriptions of nobody: %v", subs)
	}
	first, second := subscription("ann", 1), subscription("ann", 2)
	must(t, o.S.Subscribe(t.Context(), first))
	must(t, o.S.Subscribe(t.Context(), second))
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	first.P256dh, first.CreatedAt = []byte{4, 9, 9}, at(9)
	must(t, o.S.Subscribe(t.Context(), first))
	o.twice(func() {
		same(t, "subscriptions", value(o.S.Subscriptions(t.Context(), "ann"))(t), []notify.Subscription{second, first})
		jobs := due(t, o, at(1), 10)
		same(t, "subscription of a job", jobs[0].Subscription, first)
		same(t, "jobs", len(jobs), 2)
	})
	must(t, o.S.Unsubscribe(t.Context(), "ann", second.Endpoint))
	must(t, o.S.Unsubscribe(t.Context(), "ann", "https://unknown.example"))
	must(t, o.S.Unsubscribe(t.Context(), "ben", first.Endpoint)) // not his
	o.twice(func() {
		same(t, "subscriptions", value(o.S.Subscriptions(t.Context(), "ann"))(t), []notify.Subscription{first})
		same(t, "jobs", len(due(t, o, at(1), 10)), 1)
	})
}

func subscriptionLimit(t *testing.T, o *inboxUnderTest) {
	for i := range 20 {
		must(t, o.S.Subscribe(t.Context(), subscription("ann", i)))
		must(t, o.S.Subscribe(t.Context(), subscription("ben", i)))
	}
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 50)))
	old := subscription("ann", 60)
	old.CreatedAt = at(-100) // what was just made is not what goes
	must(t, o.S.Subscribe(t.Context(), old))
	o.twice(func() {
		subs := value(o.S.Subscriptions(t.Context(), "ann"))(t)
		if len(subs) != 20 || subs[0].ID != old.ID || subs[1].ID != subscription("ann", 2).ID {
			t.Fatalf("%d subscriptions, first %q and %q", len(subs), subs[0].ID, subs[1].ID)
		}
		same(t, "jobs", len(due(t, o, at(1), 100)), 18)
		same(t, "ben's", len(value(o.S.Subscriptions(t.Context(), "ben"))(t)), 20)
	})
}

func subscriptionMoves(t *testing.T, o *inboxUnderTest) {
	sub := subscription("ann", 1)
	must(t, o.S.Subscribe(t.Context(), sub))
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	sub.User = "ben"
	must(t, o.S.Subscribe(t.Context(), sub))
	o.twice(func() {
		same(t, "ann's", len(value(o.S.Subscriptions(t.Context(), "ann"))(t)), 0)
		same(t, "ben's", value(o.S.Subscriptions(t.Context(), "ben"))(t), []notify.Subscription{sub})
		if jobs := due(t, o, at(99), 10); len(jobs) != 0 {
			t.Fatalf("ben's browser would show ann's notification: %+v", jobs)
		}
	})
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
	must(t, o.S.RetryJob(t.Context(), id, at(1))) // gone stays gone
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
	// job is the first one's of the room.
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
	// Held and tried again together, never sooner than they are due.
	must(t, o.S.HoldJob(t.Context(), id, at(25)))
	add(t, o, notification("ann", 4), notify.Push{Wanted: true, At: at(60)})
	o.twice(func() {
		wantNext(t, o, at(20))
		same(t, "jobs", len(due(t, o, at(24), 10)), 2) // elsewhere
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
	// What came after it is not finished with it.
	must(t, o.S.FinishJob(t.Context(), id))
	o.twice(func() {
		wantNext(t, o, at(60))
		job(60, notification("ann", 4), 1, 0, at(60))
	})
	must(t, o.S.HoldJob(t.Context(), id, at(70))) // gone stays gone
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

// inboxEverything calls every method from many goroutines, for the race
// detector.
func inboxEverything(t *testing.T, o *inboxUnderTest) {
	ctx := t.Context()
	var g errgroup.Group
	for w := range 8 {
		g.Go(func() error {
			user := fmt.Sprint("user ", w%3)
			for i := range 8 {
				err := o.S.Subscribe(ctx, subscription(user, i))
				_, e := o.S.Add(ctx, notification(user, i), notify.Push{Wanted: true, At: at(i)})
				err = errors.Join(err, e)
				_, _, e = o.S.List(ctx, user, notify.Page{})
				err = errors.Join(err, e)
				jobs, e := o.S.DueJobs(ctx, at(99), 3)
				err = errors.Join(err, e)
				for _, j := range jobs {
					switch j.ID % 3 {
					case 0:
						err = errors.Join(err, o.S.FinishJob(ctx, j.ID))
					case 1:
						err = errors.Join(err, o.S.RetryJob(ctx, j.ID, at(50)))
					default:
						err = errors.Join(err, o.S.HoldJob(ctx, j.ID, at(50)))
					}
				}
				_, _, e = o.S.NextJob(ctx)
				err = errors.Join(err, e)
				_, e = o.S.Subscriptions(ctx, user)
				err = errors.Join(err, e)
				err = errors.Join(err, o.S.MarkRead(ctx, user, notification(user, i).ID, at(60)), o.S.MarkAllRead(ctx, user, at(61)))
				if i%4 == 3 {
					err = errors.Join(err, o.S.Prune(ctx, subscription(user, i).ID), o.S.Unsubscribe(ctx, user, subscription(user, i-1).Endpoint))
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
}
