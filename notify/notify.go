// Package notify tells someone who is away. It keeps an inbox of
// notifications per person, decides whether one should ring a closed phone,
// and sends it. It knows nothing of chat or rooms beyond their names.
package notify

import (
	"context"
	"errors"
	"time"
)

// Notification is one line in a person's inbox.
type Notification struct {
	// ID is made from the cause and the person, so that the same cause
	// notifies a person once, however often it is retried.
	ID        string     `json:"id"`
	User      string     `json:"-"`    // whose inbox
	Kind      string     `json:"kind"` // mention, reply, …
	Room      string     `json:"room"`
	Title     string     `json:"title"`
	Body      string     `json:"body"`
	URL       string     `json:"url"` // path on this origin, begins with /
	Actor     Actor      `json:"actor"`
	CreatedAt time.Time  `json:"createdAt"` // UTC, milliseconds
	SeenAt    *time.Time `json:"seenAt"`
	ReadAt    *time.Time `json:"readAt"`
}

// Actor is who caused a notification.
type Actor struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Counts of a person's inbox.
type Counts struct {
	Unread int `json:"unread"`
	Unseen int `json:"unseen"`
}

// Subscription is one browser's push subscription (RFC 8030, RFC 8291).
type Subscription struct {
	ID        string // hash of the endpoint, hex
	User      string
	Endpoint  string // https URL at a push service
	P256dh    []byte // 65 bytes, uncompressed P-256 point
	Auth      []byte // 16 bytes
	CreatedAt time.Time
}

// Job is one push that waits to be sent to one subscription: of the newest that
// waits there from a room. It stands for the older ones too.
type Job struct {
	ID           int64
	Notification Notification
	Subscription Subscription
	Count        int       // notifications that it tells of, at least 1
	Attempt      int       // sends already tried of any of them
	NextAt       time.Time // when the first of them is due
}

// ErrNotFound says that no such notification or subscription exists for the
// person.
var ErrNotFound = errors.New("notify: not found")

// Page of a person's inbox: newest first.
type Page struct {
	UnreadOnly bool
	Before     string // id of a notification; empty: from the newest
	Limit      int    // 1..100; 0 means 50
}

// Inbox keeps notifications, subscriptions and the pushes still to send. What
// a method has returned nil for survives a crash. Safe for concurrent use.
type Inbox interface {
	// Add stores the notification. With push set, it also queues a job for
	// each of the person's subscriptions, in the same transaction. added is
	// false, and nothing is stored, if the id is known.
	Add(ctx context.Context, n Notification, push Push) (added bool, err error)
	List(ctx context.Context, user string, p Page) ([]Notification, Counts, error)
	// MarkRead marks one as seen and read, and drops its pushes. ErrNotFound if it
	// is not theirs.
	MarkRead(ctx context.Context, user, id string, at time.Time) error
	MarkAllRead(ctx context.Context, user string, at time.Time) error
	// Withdraw empties the body of all notifications of a room that lead to url,
	// and drops their pushes that were not sent yet: what they told of was deleted.
	Withdraw(ctx context.Context, room, url string) error

	// Subscribe stores or replaces the subscription, keyed by its endpoint; it
	// moves to sub.User. Beyond 20 per person the oldest goes.
	Subscribe(ctx context.Context, sub Subscription) error
	// Unsubscribe forgets an endpoint of the person; unknown is no error.
	Unsubscribe(ctx context.Context, user, endpoint string) error
	Subscriptions(ctx context.Context, user string) ([]Subscription, error)

	// DueJobs returns up to limit jobs, one for each subscription and room that have
	// some due at now, oldest first. To one subscription 100 of a room are kept; then
	// the newest gives way to the next.
	DueJobs(ctx context.Context, now time.Time, limit int) ([]Job, error)
	// NextJob returns when the next job is due; ok is false if there is none.
	NextJob(ctx context.Context) (at time.Time, ok bool, err error)
	// FinishJob, RetryJob and HoldJob are about all that the Job stood for when it
	// was returned. RetryJob counts an attempt, HoldJob none.
	FinishJob(ctx context.Context, id int64) error
	RetryJob(ctx context.Context, id int64, at time.Time) error
	HoldJob(ctx context.Context, id int64, at time.Time) error
	// Prune forgets a subscription that the push service says is gone, with
	// all its jobs.
	Prune(ctx context.Context, subscription string) error
}

// Push says whether, and from when, a notification is pushed.
type Push struct {
	Wanted bool
	At     time.Time
}

// Outcome of one send.
type Outcome int

// What a push service's answer means.
const (
	Delivered Outcome = iota
	Gone              // 404, 410: forget the subscription
	Retry             // 429, 5xx, network: try again after RetryAfter or with back-off
	Refused           // 400, 401, 403, 413: our fault; report it, do not retry, do not prune
)

// Result of one send.
type Result struct {
	Outcome    Outcome
	RetryAfter time.Duration // 0: not said
	Status     int           // HTTP status, 0 if there was none
}

// Sender delivers one notification to one subscription; count is how many it
// stands for. err is only for logs: Result says what to do.
type Sender interface {
	Send(ctx context.Context, sub Subscription, n Notification, count int) (Result, error)
}
