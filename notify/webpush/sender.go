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
	// PublicURL is where browsers find this server, such as
	// https://weft.example.org: notifications open paths under it.
	PublicURL string
	// Subject is where the operators of push services find whoever runs this
	// server: an https: or mailto: URL. Empty: PublicURL if that is https and not
	// of this machine only, else a mailto: that Apple takes and nobody reads.
	Subject string
	// AllowHosts are the push services to send to; nil: DefaultHosts. Lower
	// case; "*.example.org" allows subdomains.
	AllowHosts []string
	// Unread is the number for the app's badge. nil, or an error: no badge.
	Unread func(ctx context.Context, user string) (int, error)
	// Timeout of one send, from the name lookup to the last byte; 0: 10 s.
	Timeout time.Duration
	// Now is the clock of tokens and HTTP dates; nil: time.Now.
	Now func() time.Time

	// AllowLoopback allows endpoints on this machine, at any port. For tests
	// with a push service of their own only.
	AllowLoopback bool
	// RootCAs are trusted instead of the system's. For the same tests.
	RootCAs *x509.CertPool

	resolver *net.Resolver // for tests of the guard
}

// fallbackSubject is well-formed and can never belong to anybody (RFC 2606).
const fallbackSubject = "mailto:operator@weft.example"

const (
	maxBody    = 4 << 10 // of an answer; the rest is not read
	perHost    = 32      // sends at once to one push service
	maxBackoff = 24 * time.Hour
)

// Sender pushes. Safe for concurrent use; Close it when done.
type Sender struct {
	config Config
	policy policy
	tokens tokens
	client *http.Client

	mu    sync.Mutex
	hosts map[string]*host // push services being sent to now
}

// host limits the sends to one origin.
type host struct {
	slots chan struct{}
	users int
}

var _ notify.Sender = (*Sender)(nil)

// New makes a sender. It starts nothing and connects to nobody.
func New(c Config) (*Sender, error) {
	if c.Keys.IsZero() {
		return nil, errors.New("webpush: no keys")
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("webpush: public URL %q is not the address of a web server", c.PublicURL)
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

// PublicKey is the applicationServerKey for browsers.
func (s *Sender) PublicKey() string { return s.config.Keys.Public() }

// Close drops idle connections. Sends under way are not disturbed.
func (s *Sender) Close() { s.client.CloseIdleConnections() }

// Send encrypts and posts one notification. See notify.Sender; errors name the
// push service and never the endpoint, which is a secret of its subscriber.
//
//	2xx                     Delivered   (to the push service, which may still drop it)
//	404, 410                Gone
//	408, 425, 429, 5xx      Retry, after Retry-After if said
//	no answer               Retry
//	all else                Refused
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
	// webpush-go writes into the message that it is given: it gets its own.
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
	return s.read(origin, response, body)
}

// lifetime is how long the push service keeps it for a device that is off.
func lifetime(n notify.Notification) time.Duration {
	if n.Kind == "mention" {
		return 24 * time.Hour
	}
	return 4 * time.Hour
}

func urgency(n notify.Notification) push.Urgency {
	if n.Kind == "mention" || n.Kind == "reply" {
		return push.UrgencyHigh
	}
	return push.UrgencyNormal
}

// topic lets a newer push replace an undelivered one of the same tag. At most 32
// characters of base64url, and opaque to the push service.
func topic(n notify.Notification) string {
	sum := sha256.Sum256([]byte(tag(n)))
	return base64.RawURLEncoding.EncodeToString(sum[:])[:32]
}

// read is the status table.
func (s *Sender) read(origin string, response *http.Response, body []byte) (notify.Result, error) {
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
		// The usual cause besides the keys: tokens that look expired.
		if date, parsed := http.ParseTime(response.Header.Get("Date")); parsed == nil {
			err = fmt.Errorf("%w; its clock is ahead by %v", err, date.Sub(s.config.Now()).Round(time.Second))
		}
	}
	return r, err
}

// retryAfter reads seconds or an HTTP date; 0 for none, for the past and for
// nonsense, and never more than a day.
func retryAfter(header string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(header); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), maxBackoff)
}

// withoutURL unwraps what net/http puts around errors of a request: the URL.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// doer is the HTTP client that webpush-go is given. The request is finished when
// it arrives, so this is where its Authorization gives way to ours: webpush-go
// ignores the expiry asked for and signs anew for every send.
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
	leave, err := s.enter(request.Context(), origin)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		leave()
		return nil, err
	}
	response.Body = &body{response.Body, sync.OnceFunc(leave)}
	return response, nil
}

// body gives the slot back when the answer has been read.
type body struct {
	io.ReadCloser
	leave func()
}

func (b *body) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}

// enter waits for one of the origin's slots.
func (s *Sender) enter(ctx context.Context, origin string) (leave func(), err error) {
	s.mu.Lock()
	h := s.hosts[origin]
	if h == nil {
		h = &host{slots: make(chan struct{}, perHost)}
		s.hosts[origin] = h
	}
	h.users++
	s.mu.Unlock()
	forget := func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if h.users--; h.users == 0 {
			delete(s.hosts, origin)
		}
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; forget() }, nil
	case <-ctx.Done():
		forget()
		return nil, ctx.Err()
	}
}
