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

func add(t *testing.T, o *inboxUnderTest, n notify.Notification, push notify.Push) {
	t.Helper()
	if !value(o.S.Add(t.Context(), n, push))(t) {
		t.Fatalf("Add of the new notification %q returned false", n.ID)
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

func inboxOnce(t *testing.T, o *inboxUnderTest) {
	wantInbox(t, o, "ann", notify.Page{}, 0, 0)
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 1)))
	push := notify.Push{Wanted: true, At: at(5)}
	add(t, o, notification("ann", 1), push)
	again := notification("ann", 1)
	again.Body = "another body"
	o.twice(func() {
		if value(o.S.Add(t.Context(), again, push))(t) {
			t.Fatal("adding the same notification again returned true")
		}
		wantInbox(t, o, "ann", notify.Page{}, 1, 1, notification("ann", 1))
		if jobs := due(t, o, at(99), 10); len(jobs) != 1 {
			t.Fatalf("%d jobs, want 1", len(jobs))
		}
	})
	// A time in another zone and with microseconds is stored in UTC and in whole
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
			t.Fatalf("List before %q: error %v, want ErrNotFound", before, err)
		}
	}
	// Of notifications with the same time, the one added last is the newest.
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
	must(t, o.S.MarkRead(t.Context(), "ann", n[1].ID, at(11))) // the first time of reading is kept
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
