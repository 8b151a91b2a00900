// Package notify delivers notifications to people who are not looking. It stores them
// in an inbox per person, decides by rules whether a notification is pushed to the
// person's devices, and sends the pushes. It does not know chat, and of rooms only
// their ids.
//
// The parts:
//
//	notify.go     the types, and the contracts Inbox (storage) and Sender (push service)
//	rules.go      Decide: a pure function from facts to a decision with its trace
//	ringlimit.go  how often one person's devices may ring
//	worker.go     the goroutine that sends due pushes and retries failed ones
package notify

import (
	"context"
	"errors"
	"time"
)

// Notification is one entry of a person's inbox.
type Notification struct {
	// ID is derived from the cause and the person (NotificationID): the same cause
	// notifies a person once, however often the caller retries.
	ID        string     `json:"id"`
	User      string     `json:"-"`    // id of the person whose inbox it is in
	Kind      string     `json:"kind"` // "mention", "reply", …
	Room      string     `json:"room"` // room id
	Title     string     `json:"title"`
	Body      string     `json:"body"`
	URL       string     `json:"url"` // path on this origin, begins with "/"
	Actor     Actor      `json:"actor"`
	CreatedAt time.Time  `json:"createdAt"` // UTC, whole milliseconds
	SeenAt    *time.Time `json:"seenAt"`    // nil: not seen
	ReadAt    *time.Time `json:"readAt"`    // nil: not read
}

// Actor is the person who caused a notification: the author of the message.
type Actor struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Counts are the totals of a person's inbox.
type Counts struct {
	Unread int `json:"unread"`
	Unseen int `json:"unseen"` // at most Unread: a read notification counts as seen
}

// Subscription is the push subscription of one browser (RFC 8030, RFC 8291).
type Subscription struct {
	ID        string // SubscriptionID of the endpoint
	User      string
	Endpoint  string // https URL at a push service; a secret of the subscriber
	P256dh    []byte // 65 bytes, uncompressed P-256 point
	Auth      []byte // 16 bytes
	CreatedAt time.Time
}

// Job is one queued push to one subscription. All queued notifications of one room are
// one job: the push shows the newest one and the number of all.
type Job struct {
	ID           int64
	Notification Notification // the newest of the job's notifications
	Subscription Subscription
	Count        int       // number of notifications in the job, at least 1
	Attempt      int       // number of failed sends so far
	NextAt       time.Time // when the first of the notifications is due
}

// ErrNotFound is returned when the person has no notification or subscription of that
// id.
var ErrNotFound = errors.New("notify: not found")

// Page selects a part of a person's inbox, newest first.
type Page struct {
	UnreadOnly bool
	Before     string // id of a notification: only older ones; empty: from the newest
	Limit      int    // number of notifications, 1 to 100; 0 means 50
}

// Inbox stores notifications, subscriptions and queued pushes (jobs). A change is
// durable when its method has returned nil. Safe for concurrent use. Every
// implementation passes the inbox part of store/storetest.
type Inbox interface {
	// Add stores the notification. If push.Wanted, it also queues a push to each of the
	// person's subscriptions in the same transaction. If the id is stored already,
	// added is false and nothing changes.
	Add(ctx context.Context, n Notification, push Push) (added bool, err error)
	// List returns a page of the person's notifications and the counts of the whole
	// inbox. An unknown person has an empty inbox.
	List(ctx context.Context, user string, p Page) ([]Notification, Counts, error)
	// MarkRead marks one notification as seen and read, and removes its queued pushes.
	// It returns ErrNotFound if the person has no notification of that id.
	MarkRead(ctx context.Context, user, id string, at time.Time) error
	// MarkAllRead does the same for all notifications of the person.
	MarkAllRead(ctx context.Context, user string, at time.Time) error
	// Withdraw empties the body of all notifications of the room with that URL, and
	// removes their queued pushes. It is called when the message was deleted.
	Withdraw(ctx context.Context, room, url string) error

	// Subscribe stores the subscription, or replaces the one with the same endpoint,
	// which then belongs to sub.User. A person has at most 20; the oldest is removed.
	Subscribe(ctx context.Context, sub Subscription) error
	// Unsubscribe removes the person's subscription with that endpoint. If there is
	// none, it does nothing.
	Unsubscribe(ctx context.Context, user, endpoint string) error
	// Subscriptions returns all subscriptions of the person.
	Subscriptions(ctx context.Context, user string) ([]Subscription, error)

	// DueJobs returns up to limit jobs that are due at now, oldest first, one for each
	// pair of subscription and room. At most 100 notifications are queued for a pair;
	// beyond that the next one replaces the newest.
	DueJobs(ctx context.Context, now time.Time, limit int) ([]Job, error)
	// NextJob returns when the next job is due; ok is false if none is queued.
	NextJob(ctx context.Context) (at time.Time, ok bool, err error)
	// FinishJob removes all notifications of the job from the queue, as of the moment
	// when DueJobs returned it. Notifications that were queued later stay.
	FinishJob(ctx context.Context, id int64) error
	// RetryJob makes the job due at at and counts a failed attempt.
	RetryJob(ctx context.Context, id int64, at time.Time) error
	// HoldJob makes the job due at at and counts no attempt.
	HoldJob(ctx context.Context, id int64, at time.Time) error
	// Prune removes a subscription that has ended at its push service, and its jobs.
	Prune(ctx context.Context, subscription string) error
}

// Push tells whether a notification is pushed, and the earliest time.
type Push struct {
	Wanted bool
	At     time.Time
}

// Outcome classifies a push service's answer by what the worker has to do.
type Outcome int

// The outcomes, with the HTTP status codes that mean them.
const (
	Delivered Outcome = iota // 2xx
	Gone                     // 404, 410: remove the subscription
	Retry                    // 429, 5xx, network error: retry after RetryAfter or with back-off
	Refused                  // 400, 401, 403, 413: a fault of this server: log, do not retry, keep the subscription
)

// Result of one send.
type Result struct {
	Outcome    Outcome
	RetryAfter time.Duration // what the push service asked for; 0: nothing
	Status     int           // HTTP status; 0: there was no answer
}

// Sender pushes one notification to one subscription. count is the number of
// notifications in the job. err is only for the log: Result says what to do. Safe for
// concurrent use.
type Sender interface {
	// Send blocks until the push service has answered or ctx ends.
	Send(ctx context.Context, sub Subscription, n Notification, count int) (Result, error)
}
