package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weft/notify"
	"weft/server/store/sqlite"
)

// pushRecorder is a notify.Sender that records the pushes.
type pushRecorder struct {
	mu   sync.Mutex
	sent []string // "NOTIFICATION×COUNT on SUBSCRIPTION"
}

func (r *pushRecorder) Send(_ context.Context, sub notify.Subscription, n notify.Notification, count int) (notify.Result, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, fmt.Sprintf("%s×%d on %s", n.ID, count, sub.ID))
	return notify.Result{Status: 201}, nil
}

// want checks the pushes sent since the last call.
func (r *pushRecorder) want(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.sent)
	if !slices.Equal(r.sent, want) {
		t.Errorf("sent pushes %q, want %q", r.sent, want)
	}
	r.sent = nil
}

// startWorker opens the store in dir and runs a notify.Worker on it. The returned function
// stops the worker and closes the store.
func startWorker(t *testing.T, dir string, to *pushRecorder) (*notify.Worker, *sqlite.Store, func()) {
	t.Helper()
	s := open(t, dir)
	w := notify.NewWorker(notify.Config{Inbox: s, Sender: to, Limits: notify.DefaultLimits()})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	return w, s, sync.OnceFunc(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v, want context.Canceled", err)
		}
		must(t, s.Close())
	})
}

// TestPushesAreLimited runs the worker on its real inbox: held pushes survive a restart and
// are sent once, combined for each room.
func TestPushesAreLimited(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		to := &pushRecorder{}
		w, s, stop := startWorker(t, dir, to)
		defer func() { stop() }()
		for i := range 2 {
			id := fmt.Sprint("phone ", i)
			must(t, s.Subscribe(t.Context(), notify.Subscription{ID: id, User: "ben", Endpoint: "https://push.example/" + id, CreatedAt: time.Now()}))
		}
		mention := func(room, id string) {
			t.Helper()
			must(t, w.Notify(t.Context(), notify.Notification{ID: id, User: "ben", Kind: "mention", Room: room, URL: "/s/" + room, Actor: notify.Actor{ID: "ana"}}))
		}
		mention("r", "first")
		time.Sleep(6 * time.Second)
		to.want(t, "first×1 on phone 0", "first×1 on phone 1")
		for i := range 3 {
			mention("r", fmt.Sprint("more ", i))
		}
		time.Sleep(10 * time.Second)
		stop()
		w, s, stop = startWorker(t, dir, to)
		time.Sleep(19*time.Second - time.Millisecond) // 1 ms before 35 s, when the combined push is due
		to.want(t)
		time.Sleep(time.Second)
		to.want(t, "more 2×3 on phone 0", "more 2×3 on phone 1")

		// The limit is 60 pushes an hour; one was sent since the restart.
		for i := range 59 {
			mention(fmt.Sprint("room ", i), fmt.Sprint("room ", i))
		}
		time.Sleep(10 * time.Second)
		to.mu.Lock()
		if len(to.sent) != 2*59 {
			t.Errorf("%d pushes were sent for 59 rooms to 2 subscriptions, want 118", len(to.sent))
		}
		to.sent = nil
		to.mu.Unlock()
		mention("one more", "a")
		mention("one more", "b")
		time.Sleep(59 * time.Minute)
		to.want(t)
		time.Sleep(time.Minute)
		to.want(t, "b×2 on phone 0", "b×2 on phone 1")
		list, counts, err := s.List(t.Context(), "ben", notify.Page{Limit: 100})
		must(t, err)
		if len(list) != 65 || counts.Unread != 65 {
			t.Errorf("the inbox has %d notifications, counts %+v, want 65", len(list), counts)
		}
		must(t, s.MarkAllRead(t.Context(), "ben", time.Now()))
		if at, ok, err := s.NextJob(t.Context()); ok || err != nil {
			t.Errorf("NextJob: %v, error %v, want no job after MarkAllRead", at, err)
		}
	})
}

// TestUpgradeCombinesThePushesOfARoom opens a file of format 8, in which each notification
// had a push job of its own. Now the pushes of a room are combined in one job.
func TestUpgradeCombinesThePushesOfARoom(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	row := func(n int, room, read string) string {
		return fmt.Sprintf("INSERT INTO notifications (n, id, usr, kind, room, title, body, url, actor, actor_name, created_at, read_at) VALUES (%d, 'n%d', 'ben', 'mention', '%s', '', '', '/', 'ana', 'Ana', %d, %s)", n, n, room, n, read)
	}
	before(t, dir, 8,
		"INSERT INTO subscriptions (n, id, usr, endpoint, p256dh, auth, created_at) VALUES (1, 's', 'ben', 'https://push.example', x'', x'', 1)",
		row(1, "a", "NULL"), row(2, "b", "NULL"), row(3, "a", "NULL"), row(4, "a", "9"),
		"INSERT INTO jobs (notification, subscription, attempt, next_at) VALUES (1, 1, 2, 1000), (2, 1, 0, 2000), (3, 1, 0, 3000), (4, 1, 0, 4000), (99, 1, 0, 5)",
	)
	s := open(t, dir)
	jobs, err := s.DueJobs(t.Context(), time.UnixMilli(9000), 10)
	must(t, err)
	var got []string
	for _, j := range jobs {
		got = append(got, fmt.Sprintf("%s×%d tried %d at %d", j.Notification.ID, j.Count, j.Attempt, j.NextAt.UnixMilli()))
	}
	if want := []string{"n3×2 tried 2 at 1000", "n2×1 tried 0 at 2000"}; !slices.Equal(got, want) {
		t.Errorf("jobs %q, want %q", got, want)
	}
}
