package redis

import (
	"cmp"
	"errors"
	"log/slog"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
)

// Options of a Tracker. The zero value of a field means the default.
type Options struct {
	// URL of Redis: redis://[user:password@]host:port/db, rediss:// for TLS, or
	// unix:///path/of/socket.
	URL string
	// Prefix of every key and channel; default "weft".
	Prefix string
	// Grace is how long a person stays in a room after their last connection
	// there closed. 0 means presence.Grace; a negative value means no grace period.
	Grace time.Duration
	// Idle and Away replace presence.IdleAfter and presence.AwayAfter unless 0.
	Idle, Away time.Duration
	// Lease is the lifetime of the node's lease: how long other nodes go on
	// showing its people after its last renewal. Default 10 s; it is renewed five
	// times in that time.
	Lease time.Duration
	// HideRemoteAfter is how long the people of other nodes are still shown while
	// Redis does not answer; default 60 s.
	HideRemoteAfter time.Duration
	// Timeout of one exchange with Redis; default 2 s.
	Timeout time.Duration
	// KeepMirror reports whether a room must stay mirrored although no connection
	// of this node is in it. It is called with no lock held. Nil means no.
	KeepMirror func(room string) bool
	// OnTyping receives what another node gave to PublishTyping. It must not call
	// the tracker and must return quickly, because it is called by the goroutine
	// that reads the subscription. Nil ignores the marks.
	OnTyping func(p presence.Place, node string, marks []byte)
	// Log receives a line when Redis stops answering and when it answers again;
	// nil discards them.
	Log *slog.Logger
}

// ErrURL refuses Options.URL. It does not repeat the URL, which may hold a
// password.
var ErrURL = errors.New("presence/redis: invalid URL: want redis://user:password@host:6379/0")

// CheckURL returns ErrURL if url cannot be Options.URL. It does not connect.
func CheckURL(url string) error {
	if _, err := goredis.ParseURL(url); err != nil {
		return ErrURL // err may quote the password
	}
	return nil
}

// withDefaults returns the options with every zero field replaced.
func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Grace = cmp.Or(o.Grace, presence.Grace)
	o.Idle, o.Away = cmp.Or(o.Idle, presence.IdleAfter), cmp.Or(o.Away, presence.AwayAfter)
	o.Lease = cmp.Or(o.Lease, 10*time.Second)
	o.HideRemoteAfter = cmp.Or(o.HideRemoteAfter, time.Minute)
	o.Timeout = cmp.Or(o.Timeout, 2*time.Second)
	o.Prefix = cmp.Or(o.Prefix, "weft")
	return o
}

// connect returns a client for the options, which must have their defaults. It
// does not wait for Redis.
func (o Options) connect() (*goredis.Client, error) {
	parsed, err := goredis.ParseURL(o.URL)
	if err != nil {
		return nil, ErrURL
	}
	parsed.DialTimeout, parsed.ReadTimeout, parsed.WriteTimeout = o.Timeout, o.Timeout, o.Timeout
	parsed.ContextTimeoutEnabled = true
	parsed.MaxRetries = -1 // a lost connection must show, so that the lease is checked
	parsed.PoolSize = 8    // one for each goroutine that talks to Redis, and Status
	parsed.DisableIdentity = true
	return goredis.NewClient(parsed), nil
}
