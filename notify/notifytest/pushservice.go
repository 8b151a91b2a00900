// Package notifytest has a push service for tests. It checks pushes as strictly as the
// real services do, and decrypts them as a browser does.
package notifytest

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weft/notify"
)

// Message is one push that was well-formed and authorised, decrypted.
type Message struct {
	User    string               `json:"user"`    // who subscribed: a user id
	Payload []byte               `json:"-"`       // decrypted
	Header  http.Header          `json:"-"`       // of the request
	TTL     time.Duration        `json:"-"`       // from the header
	Urgency string               `json:"urgency"` // from the header
	Topic   string               `json:"topic"`   // from the header
	Size    int                  `json:"size"`    // bytes of the encrypted body
	Key     string               `json:"key"`     // the application server's, base64url
	Claims  jwt.RegisteredClaims `json:"-"`
	Status  int                  `json:"status"` // what the service answered
}

// PushService is a push service on a loopback address, with TLS and a certificate of its
// own. Safe for concurrent use.
//
// Programs in other languages use two more resources:
//
//	POST /control/subscribe?user=ben   {"endpoint","keys":{"p256dh","auth"}}, as
//	                                   PushSubscription.toJSON() in a browser
//	GET  /control/messages             [{"user","payload":{…},"urgency","topic",…}]
type PushService struct {
	server *httptest.Server

	mu       sync.Mutex
	now      func() time.Time
	devices  map[string]device // by path
	messages []Message
	refused  []error
	gone     int           // pushes to unknown devices
	news     chan struct{} // closed and replaced when something arrives
	next     []answer      // for the coming pushes
	always   int
}

type device struct {
	user    string
	private *ecdh.PrivateKey
	auth    []byte
}

type answer struct {
	status     int
	retryAfter string
}

// NewPushService starts a PushService that is closed at the end of the test.
func NewPushService(t testing.TB) *PushService {
	p := Start()
	t.Cleanup(p.Close)
	return p
}

// Start starts a PushService outside a test, for instance in TestMain. The caller must
// Close it.
func Start() *PushService {
	p := &PushService{
		now:     time.Now,
		devices: map[string]device{},
		news:    make(chan struct{}),
		always:  http.StatusCreated,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /push/{device}", p.push)
	mux.HandleFunc("POST /control/subscribe", p.controlSubscribe)
	mux.HandleFunc("GET /control/messages", p.controlMessages)
	p.server = httptest.NewTLSServer(mux)
	return p
}

// Close stops the service and waits for requests in progress.
func (p *PushService) Close() { p.server.Close() }

// URL returns the origin, https://127.0.0.1:port.
func (p *PushService) URL() string { return p.server.URL }

// CertPool returns a pool with the service's certificate.
func (p *PushService) CertPool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(p.server.Certificate())
	return pool
}

// CertPEM returns the certificate in PEM, for SSL_CERT_FILE or NODE_EXTRA_CA_CERTS.
func (p *PushService) CertPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.server.Certificate().Raw})
}

// Subscribe creates a device of the user and returns its subscription.
func (p *PushService) Subscribe(user string) notify.Subscription {
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	auth := make([]byte, 16)
	rand.Read(auth)
	path := "/push/" + rand.Text()
	p.mu.Lock()
	p.devices[path] = device{user, private, auth}
	p.mu.Unlock()
	return notify.Subscription{
		ID: notify.SubscriptionID(p.URL() + path), User: user, Endpoint: p.URL() + path,
		P256dh: private.PublicKey().Bytes(), Auth: auth, CreatedAt: p.now().UTC().Truncate(time.Millisecond),
	}
}

// Unsubscribe removes the device: pushes to it are answered with 410.
func (p *PushService) Unsubscribe(sub notify.Subscription) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.devices, strings.TrimPrefix(sub.Endpoint, p.URL()))
}

// SubscriptionJSON returns the subscription in the form of PushSubscription.toJSON().
func SubscriptionJSON(sub notify.Subscription) []byte {
	encoded, err := json.Marshal(map[string]any{
		"endpoint":       sub.Endpoint,
		"expirationTime": nil,
		"keys": map[string]string{
			"p256dh": base64.RawURLEncoding.EncodeToString(sub.P256dh),
			"auth":   base64.RawURLEncoding.EncodeToString(sub.Auth),
		},
	})
	if err != nil {
		panic(err)
	}
	return encoded
}

// SetNow sets the clock against which tokens are checked.
func (p *PushService) SetNow(now func() time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = now
}

// SetStatus sets the status with which well-formed pushes are answered; 201 by default.
func (p *PushService) SetStatus(status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.always = status
}

// AnswerNext queues an answer for one push, with a Retry-After header if that is not empty.
// Queued answers take precedence over SetStatus.
func (p *PushService) AnswerNext(status int, retryAfter string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = append(p.next, answer{status, retryAfter})
}

// Messages returns all pushes so far, also those answered with an error status.
func (p *PushService) Messages() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

// Refused returns the errors of all requests that were malformed or not authorised.
func (p *PushService) Refused() []error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.refused)
}

// Wait returns the first n messages as soon as n have arrived. If ctx ends before, the
// error lists the refused requests.
func (p *PushService) Wait(ctx context.Context, n int) ([]Message, error) {
	for {
		p.mu.Lock()
		messages, refused, news := slices.Clone(p.messages), p.refused, p.news
		p.mu.Unlock()
		if len(messages) >= n {
			return messages[:n], nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return messages, fmt.Errorf("notifytest: %d of %d messages, refused: %v: %w", len(messages), n, refused, ctx.Err())
		}
	}
}

// WaitGone returns when n pushes to unknown devices were answered with 410, or with an
// error when ctx ends.
func (p *PushService) WaitGone(ctx context.Context, n int) error {
	for {
		p.mu.Lock()
		gone, news := p.gone, p.news
		p.mu.Unlock()
		if gone >= n {
			return nil
		}
		select {
		case <-news:
		case <-ctx.Done():
			return fmt.Errorf("notifytest: %d of %d pushes to unknown devices: %w", gone, n, ctx.Err())
		}
	}
}

func (p *PushService) push(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4096))
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() {
		close(p.news)
		p.news = make(chan struct{})
	}()
	fail := func(status int, err error) {
		p.refused = append(p.refused, err)
		http.Error(w, err.Error(), status)
	}
	if err != nil {
		fail(http.StatusRequestEntityTooLarge, err)
		return
	}
	device, ok := p.devices[r.URL.Path]
	if !ok {
		p.gone++
		http.Error(w, "no such subscription", http.StatusGone)
		return
	}
	key, claims, err := verify(r.Header.Get("Authorization"), p.URL(), p.now())
	if err != nil {
		fail(http.StatusForbidden, err)
		return
	}
	m := Message{
		User: device.user, Header: r.Header.Clone(), Size: len(body), Key: key, Claims: claims,
		Urgency: r.Header.Get("Urgency"), Topic: r.Header.Get("Topic"),
	}
	seconds, err := strconv.Atoi(r.Header.Get("TTL"))
	if err != nil || seconds < 0 {
		fail(http.StatusBadRequest, fmt.Errorf("notifytest: TTL %q", r.Header.Get("TTL")))
		return
	}
	m.TTL = time.Duration(seconds) * time.Second
	if len(m.Topic) > 32 || strings.ContainsFunc(m.Topic, func(c rune) bool {
		return c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z')
	}) {
		fail(http.StatusBadRequest, fmt.Errorf("notifytest: topic %q", m.Topic))
		return
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "aes128gcm" {
		fail(http.StatusBadRequest, fmt.Errorf("notifytest: content encoding %q", encoding))
		return
	}
	if m.Payload, err = Decrypt(body, device.private, device.auth); err != nil {
		fail(http.StatusBadRequest, err)
		return
	}
	a := answer{status: p.always}
	if len(p.next) > 0 {
		a, p.next = p.next[0], p.next[1:]
	}
	m.Status = a.status
	p.messages = append(p.messages, m)
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	if a.status >= 300 && a.status < 400 {
		w.Header().Set("Location", p.URL()+"/control/messages")
	}
	w.WriteHeader(a.status)
}

func (p *PushService) controlSubscribe(w http.ResponseWriter, r *http.Request) {
	sub := p.Subscribe(r.URL.Query().Get("user"))
	w.Header().Set("Content-Type", "application/json")
	w.Write(SubscriptionJSON(sub))
}

func (p *PushService) controlMessages(w http.ResponseWriter, _ *http.Request) {
	type line struct {
		Message
		TTL     int             `json:"ttl"`
		Payload json.RawMessage `json:"payload"`
	}
	lines := []line{}
	for _, m := range p.Messages() {
		raw := json.RawMessage(m.Payload)
		if !json.Valid(raw) {
			raw, _ = json.Marshal(string(m.Payload))
		}
		lines = append(lines, line{m, int(m.TTL / time.Second), raw})
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(lines)
}
