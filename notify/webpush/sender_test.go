package webpush

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"weft/notify"
	"weft/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var testKeys = func() func(*testing.T) Keys {
	once := sync.OnceValues(GenerateKeys)
	return func(t *testing.T) Keys {
		keys, err := once()
		if err != nil {
			t.Fatal(err)
		}
		return keys
	}
}()

var mention = notify.Notification{
	ID: "01JD", User: "ben", Kind: "mention", Room: "bio-201", Title: "Mika mentioned you",
	Body: "can you take the <pump>? I’ll do it tonight.", URL: "/s/bio-201#m=01JD",
	CreatedAt: time.UnixMilli(1795320421000).UTC(),
}

// loopbackSender makes a Sender that trusts the test push service.
func loopbackSender(t *testing.T, server *httptest.Server) *Sender {
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	return newSender(t, Config{RootCAs: pool})
}

func newSender(t *testing.T, c Config) *Sender {
	t.Helper()
	c.Keys, c.PublicURL, c.AllowLoopback = testKeys(t), "https://rooms.example.com/", true
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestSendArrivesWhole(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := newSender(t, Config{RootCAs: service.CertPool(), Unread: func(context.Context, string) (int, error) { return 3, nil }})
	r, err := s.Send(t.Context(), service.Subscribe("ben"), mention, 1)
	if err != nil || r != (notify.Result{Status: 201}) {
		t.Fatalf("%+v, %v, refused %v", r, err, service.Refused())
	}
	m := service.Messages()[0]
	const want = `{"web_push":8030,"app_badge":3,"notification":{"title":"Mika mentioned you",` +
		`"body":"can you take the <pump>? I’ll do it tonight.","navigate":"https://rooms.example.com/s/bio-201#m=01JD",` +
		`"lang":"en","dir":"auto","silent":false,"tag":"room:bio-201","app_badge":"3",` +
		`"data":{"room":"bio-201","id":"01JD","kind":"mention","at":1795320421000}}}`
	if diff := cmp.Diff(want, string(m.Payload)); diff != "" {
		t.Errorf("payload (-want +got):\n%s", diff)
	}
	if m.User != "ben" || m.Size != recordSize || m.TTL != 24*time.Hour || m.Urgency != "high" || len(m.Topic) != 32 || m.Key != s.PublicKey() {
		t.Errorf("%+v", m)
	}
	if m.Claims.Subject != "https://rooms.example.com" || time.Until(m.Claims.ExpiresAt.Time) > 12*time.Hour {
		t.Errorf("claims %+v", m.Claims)
	}
}

func TestHeadersByKind(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := newSender(t, Config{RootCAs: service.CertPool(), Subject: "mailto:ops@example.org"})
	sub := service.Subscribe("ben")
	topics := map[string]bool{}
	for i, c := range []struct {
		kind, room, urgency string
		ttl                 time.Duration
	}{
		{"mention", "a", "high", 24 * time.Hour},
		{"reply", "a", "high", 4 * time.Hour},
		{"message", "b", "normal", 4 * time.Hour},
	} {
		n := mention
		n.Kind, n.Room = c.kind, c.room
		if _, err := s.Send(t.Context(), sub, n, 1); err != nil {
			t.Fatal(err)
		}
		m := service.Messages()[i]
		if m.Urgency != c.urgency || m.TTL != c.ttl || m.Claims.Subject != "mailto:ops@example.org" {
			t.Errorf("%s: %s, %v, %v", c.kind, m.Urgency, m.TTL, m.Claims)
		}
		if strings.Contains(string(m.Payload), "app_badge") {
			t.Errorf("a badge without Unread: %s", m.Payload)
		}
		topics[m.Topic] = true
	}
	if len(topics) != 2 {
		t.Errorf("topics of two rooms: %v", topics)
	}
}

func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	service := notifytest.NewPushService(t)
	service.SetNow(func() time.Time { return now })
	s := newSender(t, Config{RootCAs: service.CertPool(), Now: func() time.Time { return now }})
	sub := service.Subscribe("ben")
	for _, c := range []struct {
		status     int
		retryAfter string
		want       notify.Outcome
		wait       time.Duration
	}{
		{200, "", notify.Delivered, 0}, {201, "", notify.Delivered, 0}, {202, "", notify.Delivered, 0},
		{404, "", notify.Gone, 0}, {410, "60", notify.Gone, 0},
		{400, "", notify.Refused, 0}, {401, "", notify.Refused, 0}, {403, "", notify.Refused, 0},
		{413, "", notify.Refused, 0}, {302, "", notify.Refused, 0}, {418, "", notify.Refused, 0},
		{429, "", notify.Retry, 0}, {429, "120", notify.Retry, 2 * time.Minute},
		{503, "Sun, 01 Mar 2026 12:10:00 GMT", notify.Retry, 10 * time.Minute},
		{503, "Sun, 01 Mar 2026 11:00:00 GMT", notify.Retry, 0},
		{500, "soon", notify.Retry, 0}, {502, "-5", notify.Retry, 0}, {504, "99999999", notify.Retry, 24 * time.Hour},
		{500, "99999999999999999999", notify.Retry, 0},
	} {
		service.AnswerNext(c.status, c.retryAfter)
		r, err := s.Send(t.Context(), sub, mention, 1)
		if want := (notify.Result{Outcome: c.want, RetryAfter: c.wait, Status: c.status}); r != want {
			t.Errorf("%d %q: %+v, want %+v", c.status, c.retryAfter, r, want)
		}
		if (err == nil) != (c.want == notify.Delivered) || err != nil && strings.Contains(err.Error(), sub.Endpoint) {
			t.Errorf("%d: error %v", c.status, err)
		}
		if c.status == 403 && !strings.Contains(err.Error(), "clock") {
			t.Errorf("the error does not name the clock difference: %v", err)
		}
	}
	service.Unsubscribe(sub)
	if r, _ := s.Send(t.Context(), sub, mention, 1); r.Outcome != notify.Gone {
		t.Errorf("unsubscribed: %+v", r)
	}
	if refused := service.Refused(); len(refused) > 0 {
		t.Errorf("the push service refused requests: %v", refused)
	}
}

func TestTokenIsKeptForAnHour(t *testing.T) {
	now := time.Now()
	service := notifytest.NewPushService(t)
	s := newSender(t, Config{RootCAs: service.CertPool(), Now: func() time.Time { return now }})
	sub := service.Subscribe("ben")
	var tokens []string
	for _, wait := range []time.Duration{0, 59 * time.Minute, time.Minute, -2 * time.Hour} {
		now = now.Add(wait)
		if _, err := s.Send(t.Context(), sub, mention, 1); err != nil {
			t.Fatal(err)
		}
		m := service.Messages()[len(tokens)]
		tokens = append(tokens, m.Header.Get("Authorization"))
	}
	if tokens[0] != tokens[1] || tokens[1] == tokens[2] || tokens[2] == tokens[3] {
		t.Error("tokens are not renewed each hour")
	}
	for i := range 2 * maxOrigins {
		if _, err := s.tokens.header(fmt.Sprint("https://", i), now); err != nil || len(s.tokens.cache) > maxOrigins {
			t.Fatalf("%d tokens cached, %v", len(s.tokens.cache), err)
		}
	}
}

func TestSlowAndEndlessServices(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/silent":
			<-release
		case "/endless":
			w.WriteHeader(400)
			for block := make([]byte, 4096); r.Context().Err() == nil; {
				if _, err := w.Write(block); err != nil {
					return
				}
			}
		}
	}))
	defer server.Close()
	defer close(release)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	sub := notifytest.NewPushService(t).Subscribe("ben")

	sub.Endpoint = server.URL + "/silent"
	impatient := newSender(t, Config{RootCAs: pool, Timeout: 50 * time.Millisecond})
	if r, err := impatient.Send(t.Context(), sub, mention, 1); r != (notify.Result{Outcome: notify.Retry}) || strings.Contains(err.Error(), "/silent") {
		t.Errorf("a service that does not answer: %+v, %v", r, err)
	}
	s := newSender(t, Config{RootCAs: pool, Timeout: time.Minute})
	sub.Endpoint = server.URL + "/endless"
	begun := time.Now()
	if r, err := s.Send(t.Context(), sub, mention, 1); r.Outcome != notify.Refused || len(err.Error()) > 2000 {
		t.Errorf("an endless answer: %+v, %.200v", r, err)
	}
	if took := time.Since(begun); took > 30*time.Second {
		t.Errorf("read an endless answer for %v", took)
	}
	sub.Endpoint = "https://127.0.0.1:1/x"
	if r, _ := s.Send(t.Context(), sub, mention, 1); r.Outcome != notify.Retry {
		t.Errorf("connection refused: %+v", r)
	}
	if len(s.hosts) > 0 {
		t.Errorf("hosts still has entries: %v", s.hosts)
	}
}

func TestSendsPerHostAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSender(t, Config{})
		var leaves []func()
		for range maxPerHost {
			leave, err := s.acquireSlot(t.Context(), "https://a")
			if err != nil {
				t.Fatal(err)
			}
			leaves = append(leaves, leave)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.acquireSlot(ctx, "https://a"); err == nil {
			t.Error("more than maxPerHost sends at once")
		}
		if leave, err := s.acquireSlot(t.Context(), "https://b"); err != nil {
			t.Error(err)
		} else {
			leave()
		}
		for _, leave := range leaves {
			leave()
		}
		if len(s.hosts) > 0 {
			t.Error("an entry of hosts is left after the last send")
		}
	})
}

func TestManySendersAtOnce(t *testing.T) {
	service := notifytest.NewPushService(t)
	s := newSender(t, Config{RootCAs: service.CertPool()})
	sub := service.Subscribe("ben")
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 10 {
				if r, err := s.Send(t.Context(), sub, mention, 1); r.Outcome != notify.Delivered {
					t.Error(r, err)
				}
				s.ValidateSubscription(sub.Endpoint, sub.P256dh, sub.Auth)
			}
		})
	}
	group.Wait()
	if messages, err := service.Wait(t.Context(), 80); err != nil || len(messages) != 80 {
		t.Errorf("%d messages, %v", len(messages), err)
	}
}

func TestPayloadIsClippedToOneRecord(t *testing.T) {
	for _, c := range []struct{ title, body string }{
		{"short", strings.Repeat("x", 4000)},
		{"short", strings.Repeat("😀", 2000)},
		{"short", strings.Repeat("\"", 2000)},
		{"short", strings.Repeat("\x01", 2000)},
		{"short", "\xff" + strings.Repeat("\xff", 3000)},
		{strings.Repeat("é", 3000), strings.Repeat("é", 3000)},
		{strings.Repeat("…", 3000), ""},
	} {
		n := mention
		n.Title, n.Body = c.title, c.body
		out, err := encode(n, 1, "https://rooms.example.com", 12345)
		var p payload
		if err != nil || len(out) > maxPayload || json.Unmarshal(out, &p) != nil {
			t.Fatalf("%.20q: %d bytes, %v", c.body, len(out), err)
		}
		if len(out) < maxPayload/8 || !strings.Contains(p.Notification.Body+p.Notification.Title, ellipsis) {
			t.Errorf("%.20q: shortened to %s", c.body, out)
		}
	}
	n := mention
	for count, want := range map[int]int{1: 0, 2: 2, 100: 100} {
		var p payload
		if out, err := encode(n, count, "https://rooms.example.com", -1); err != nil || json.Unmarshal(out, &p) != nil || p.Notification.Data.Count != want {
			t.Errorf("count %d: %s, %v", count, out, err)
		}
	}
	n.URL = "/" + strings.Repeat("x", 3000)
	if _, err := encode(n, 1, "https://rooms.example.com", -1); err == nil {
		t.Error("encode returned no error for a payload that cannot fit")
	}
}

func TestKeysSurviveStorageAndStaySecret(t *testing.T) {
	keys := testKeys(t)
	stored, err := keys.MarshalBinary()
	if err != nil || len(stored) != 32 {
		t.Fatalf("%d bytes, %v", len(stored), err)
	}
	var again Keys
	if err := again.UnmarshalBinary(stored); err != nil || again.Public() != keys.Public() {
		t.Errorf("%v, %v", again, err)
	}
	if point, err := base64.RawURLEncoding.DecodeString(keys.Public()); err != nil || len(point) != 65 {
		t.Errorf("public key of %d bytes, %v", len(point), err)
	}
	for _, bad := range [][]byte{nil, stored[:31], make([]byte, 32), append(stored, 0)} {
		if _, err := ParseKeys(bad); err == nil {
			t.Errorf("%d bytes accepted", len(bad))
		}
	}
	for _, shown := range []string{
		fmt.Sprintf("%v", keys), fmt.Sprintf("%+v", keys), fmt.Sprintf("%#v", keys), fmt.Sprint(&keys), keys.LogValue().String(),
	} {
		if shown != "vapid:"+keys.Public() {
			t.Errorf("shown as %s", shown)
		}
	}
	if _, err := (Keys{}).MarshalBinary(); err == nil || !(Keys{}).IsZero() || (Keys{}).Public() != "" {
		t.Error("zero Keys were accepted")
	}
}

func TestConfigIsChecked(t *testing.T) {
	keys := testKeys(t)
	for _, c := range []struct {
		name, publicURL, subject, want string
	}{
		{"https", "https://weft.example.org", "", "https://weft.example.org"},
		{"this machine", "http://127.0.0.1:8080", "", fallbackSubject},
		{"localhost", "https://localhost:8080", "", fallbackSubject},
		{"mail", "http://127.0.0.1:8080", "mailto:ops@example.org", "mailto:ops@example.org"},
		{"page", "http://127.0.0.1:8080", "https://example.org/contact", "https://example.org/contact"},
	} {
		s, err := New(Config{Keys: keys, PublicURL: c.publicURL, Subject: c.subject})
		if err != nil || s.config.Subject != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, c := range []Config{
		{PublicURL: "https://a.example"},
		{Keys: keys},
		{Keys: keys, PublicURL: "weft.example.org"},
		{Keys: keys, PublicURL: "https://a.example/?x"},
		{Keys: keys, PublicURL: "https://a.example", Subject: "ops@example.org"},
		{Keys: keys, PublicURL: "https://a.example", Subject: "mailto:mailto:ops@example.org"},
		{Keys: keys, PublicURL: "https://a.example", Subject: "mailto:ops@localhost"},
		{Keys: keys, PublicURL: "https://a.example", Subject: "mailto:ops@printer.local"},
		{Keys: keys, PublicURL: "https://a.example", Subject: "mailto:Ops <ops@example.org>"},
		{Keys: keys, PublicURL: "https://a.example", Subject: "http://example.org"},
		{Keys: keys, PublicURL: "https://a.example", Subject: "https://localhost"},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("accepted: public URL %q, subject %q", c.PublicURL, c.Subject)
		}
	}
}
