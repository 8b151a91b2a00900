package webpush

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	push "github.com/SherClockHolmes/webpush-go"

	"weft/notify"
)

// Config of a Sender. Keys and PublicURL are required.
type Config struct {
	Keys Keys
	// PublicURL is the address at which browsers reach this server, such as
	// https://weft.example.org. Notifications open paths under it.
	PublicURL string
	// Subject is the contact for operators of push services, an https: or mailto: URL
	// (RFC 8292 §2.1). Empty: PublicURL if that is https and not local, else
	// fallbackSubject.
	Subject string
	// AllowHosts are the host names of allowed push services, in lower case;
	// "*.example.org" allows subdomains. nil: DefaultHosts.
	AllowHosts []string
	// Unread returns the number for the app's badge. nil, or an error: no badge.
	Unread func(ctx context.Context, user string) (int, error)
	// Timeout of one send, from the name lookup to the last byte; 0: 10 s.
	Timeout time.Duration
	// Now is the clock for VAPID tokens and HTTP dates; nil: time.Now.
	Now func() time.Time

	// AllowLoopback allows endpoints at loopback addresses, at any port. Only for tests
	// with their own push service.
	AllowLoopback bool
	// RootCAs are trusted instead of the system's. For the same tests.
	RootCAs *x509.CertPool

	resolver *net.Resolver // for tests of the guard
}

// fallbackSubject is a valid address that belongs to nobody (RFC 2606). Apple refuses
// pushes without a valid subject.
const fallbackSubject = "mailto:operator@weft.example"

const (
	maxBody       = 4 << 10 // bytes read of an answer
	maxPerHost    = 32      // concurrent sends to one push service
	maxRetryAfter = 24 * time.Hour
)

// Sender implements notify.Sender. Safe for concurrent use. Close it when done.
type Sender struct {
	config Config
	policy policy
	tokens tokens
	client *http.Client

	mu    sync.Mutex
	hosts map[string]*host // push services with sends in flight, by origin
}

// host limits the concurrent sends to one origin.
type host struct {
	slots chan struct{} // a token for each send in flight
	users int           // sends in flight or waiting for a slot; guarded by Sender.mu
}

var _ notify.Sender = (*Sender)(nil)

// New makes a Sender. It starts no goroutine and opens no connection. It returns an error
// if Keys, PublicURL or Subject are not usable.
func New(c Config) (*Sender, error) {
	if c.Keys.IsZero() {
		return nil, errors.New("webpush: no keys")
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("webpush: public URL %q: want a URL like https://weft.example.org", c.PublicURL)
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	switch {
	case c.Subject != "":
		if err := checkSubject(c.Subject); err != nil {
			return nil, err
		}
	case checkSubject(c.PublicURL) == nil:
		c.Subject = c.PublicURL
	default:
		c.Subject = fallbackSubject
	}
	if c.AllowHosts == nil {
		c.AllowHosts = DefaultHosts
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	s := &Sender{
		config: c,
		policy: policy{hosts: c.AllowHosts, loopback: c.AllowLoopback},
		tokens: tokens{keys: c.Keys, subject: c.Subject},
		hosts:  map[string]*host{},
	}
	s.client = s.policy.client(c)
	return s, nil
}

// PublicKey returns the applicationServerKey for browsers, see Keys.Public.
func (s *Sender) PublicKey() string { return s.config.Keys.Public() }

// Close closes idle connections. Sends in flight go on.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Send implements notify.Sender: it encrypts the notification and posts it to the push
// service. Errors name the push service but not the endpoint, which is a secret of the
// subscriber. The outcome by answer:
//
//	2xx                     Delivered   (the push service may still drop it)
//	404, 410                Gone
//	408, 425, 429, 5xx      Retry, after the time in Retry-After if there is one
//	no answer               Retry
//	anything else           Refused
func (s *Sender) Send(ctx context.Context, sub notify.Subscription, n notify.Notification, count int) (notify.Result, error) {
	refused := notify.Result{Outcome: notify.Refused}
	origin, err := s.policy.endpoint(sub.Endpoint)
	if err != nil {
		return refused, err
	}
	if err := validateKeys(sub.P256dh, sub.Auth); err != nil {
		return refused, err
	}
	unread := -1
	if s.config.Unread != nil {
		if count, err := s.config.Unread(ctx, sub.User); err == nil {
			unread = count
		}
	}
	message, err := encode(n, count, s.config.PublicURL, unread)
	if err != nil {
		return refused, err
	}
	private, err := s.config.Keys.MarshalBinary()
	if err != nil {
		return refused, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	// webpush-go writes into the slice that it is given, so it gets a copy.
	response, err := push.SendNotificationWithContext(ctx, bytes.Clone(message), &push.Subscription{
		Endpoint: sub.Endpoint,
		Keys: push.Keys{
			P256dh: base64.RawURLEncoding.EncodeToString(sub.P256dh),
			Auth:   base64.RawURLEncoding.EncodeToString(sub.Auth),
		},
	}, &push.Options{
		HTTPClient:      doer{s, origin},
		RecordSize:      recordSize,
		Subscriber:      strings.TrimPrefix(s.config.Subject, "mailto:"),
		VAPIDPublicKey:  s.config.Keys.Public(),
		VAPIDPrivateKey: base64.RawURLEncoding.EncodeToString(private),
		TTL:             int(lifetime(n) / time.Second),
		Topic:           topic(n),
		Urgency:         urgency(n),
	})
	if errors.Is(err, ErrRefused) {
		return refused, err
	}
	if err != nil {
		return notify.Result{Outcome: notify.Retry}, fmt.Errorf("webpush: %s: %w", origin, withoutURL(err))
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, maxBody))
	return s.result(origin, response, body)
}

// lifetime returns how long the push service keeps the push for a device that is offline
// (TTL, RFC 8030 §5.2).
func lifetime(n notify.Notification) time.Duration {
	if n.Kind == "mention" {
		return 24 * time.Hour
	}
	return 4 * time.Hour
}

// urgency returns the urgency (RFC 8030 §5.3): a device that saves power wakes up only for
// mentions and replies.
func urgency(n notify.Notification) push.Urgency {
	if n.Kind == "mention" || n.Kind == "reply" {
		return push.UrgencyHigh
	}
	return push.UrgencyNormal
}

// topic returns the topic (RFC 8030 §5.4): the push service replaces an undelivered push by
// a newer one of the same topic. It is a hash of the tag, at most 32 characters of
// base64url, so that the push service does not learn the room.
func topic(n notify.Notification) string {
	sum := sha256.Sum256([]byte(tag(n)))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:32]
}

// result turns the push service's answer into a Result, as listed at Send.
func (s *Sender) result(origin string, response *http.Response, body []byte) (notify.Result, error) {
	status := response.StatusCode
	r := notify.Result{Status: status}
	switch {
	case status >= 200 && status < 300:
		return r, nil
	case status == http.StatusNotFound || status == http.StatusGone:
		r.Outcome = notify.Gone
	case status == http.StatusRequestTimeout || status == http.StatusTooEarly ||
		status == http.StatusTooManyRequests || status >= 500:
		r.Outcome = notify.Retry
		r.RetryAfter = retryAfter(response.Header.Get("Retry-After"), s.config.Now())
	default:
		r.Outcome = notify.Refused
	}
	err := fmt.Errorf("webpush: %s answered %d: %.200q", origin, status, body)
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		// The usual cause, besides wrong keys, is a clock that makes tokens look expired.
		if date, parsed := http.ParseTime(response.Header.Get("Date")); parsed == nil {
			err = fmt.Errorf("%w; its clock is %v ahead of this server's", err, date.Sub(s.config.Now()).Round(time.Second))
		}
	}
	return r, err
}

// retryAfter parses a Retry-After header, in seconds or as an HTTP date. It returns 0 if the
// header is missing, invalid or in the past, and at most maxRetryAfter.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxRetryAfter)
}

// withoutURL unwraps a *url.Error, whose text contains the endpoint.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// doer is the HTTP client for webpush-go. It replaces the Authorization header of the
// request: webpush-go ignores the configured expiry and signs a new token for every send.
type doer struct {
	sender *Sender
	origin string
}

func (d doer) Do(request *http.Request) (*http.Response, error) {
	s := d.sender
	origin, err := s.policy.url(request.URL)
	if err != nil {
		return nil, err
	}
	header, err := s.tokens.header(origin, s.config.Now())
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", header)
	release, err := s.acquireSlot(request.Context(), origin)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		release()
		return nil, err
	}
	response.Body = &body{response.Body, sync.OnceFunc(release)}
	return response, nil
}

// body releases the slot when the answer has been read.
type body struct {
	io.ReadCloser
	release func()
}

func (b *body) Close() error {
	defer b.release()
	return b.ReadCloser.Close()
}

// acquireSlot waits until fewer than maxPerHost sends to the origin are in flight, or
// until ctx ends.
func (s *Sender) acquireSlot(ctx context.Context, origin string) (release func(), err error) {
	s.mu.Lock()
	h := s.hosts[origin]
	if h == nil {
		h = &host{slots: make(chan struct{}, maxPerHost)}
		s.hosts[origin] = h
	}
	h.users++
	s.mu.Unlock()
	done := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(s.hosts, origin)
		}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; done() }, nil
	case <-ctx.Done():
		done()
		return nil, ctx.Err()
	}
}
