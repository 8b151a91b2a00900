package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/goleak"

	"weft/server/auth"
	"weft/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The helpers of this package's tests: a server, its users, requests and metrics.
// helpers_native_test.go has the client of the native dialect, helpers_socket_test.go
// bare WebSockets, helpers_sse_test.go event streams.

// testServer is a running server.
type testServer struct {
	*Server
	host string // HOST:PORT
}

// startServer starts a server and stops it when the test ends. Without a data folder
// in the configuration it gets an empty one.
func startServer(t *testing.T, c Config) *testServer {
	t.Helper()
	if c.Data == "" {
		c.Data = t.TempDir()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.Addr, c.Poller = l.Addr().String(), os.Getenv("WEFT_POLLER")
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	return &testServer{s, c.Addr}
}

// requestJSON makes an HTTP request and returns the status of the response. in, unless
// nil, is sent as JSON. out, unless nil, is decoded from the JSON of a 2xx response.
func (s *testServer) requestJSON(t *testing.T, method, path, token string, in, out any) int {
	t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.host+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if out != nil && answer.StatusCode < 300 {
		if err := json.NewDecoder(answer.Body).Decode(out); err != nil {
			t.Fatalf("%s %s: %d: %v", method, path, answer.StatusCode, err)
		}
	}
	return answer.StatusCode
}

// testUser is a user and a token that authenticates them.
type testUser struct {
	User  struct{ ID, Name string } `json:"user"`
	Token string                    `json:"token"`
}

// createGuest creates a guest over HTTP. The server must be in open mode.
func (s *testServer) createGuest(t *testing.T, name string) (g testUser) {
	t.Helper()
	if code := s.requestJSON(t, "POST", "/api/guests", "", map[string]string{"name": name}, &g); code != 201 {
		t.Fatalf("POST /api/guests: status %d, want 201", code)
	}
	return g
}

// newUser signs a token that is valid for an hour, for a server that is not in open
// mode.
func (s *testServer) newUser(t *testing.T, user string, grants ...auth.Grant) testUser {
	t.Helper()
	token, err := s.verifier.Sign(auth.Identity{User: user, Name: user, Grants: grants}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	g := testUser{Token: token}
	g.User.ID, g.User.Name = user, user
	return g
}

// postMessage posts a chat message over HTTP and returns it as it is stored.
func (s *testServer) postMessage(t *testing.T, room, token string, in map[string]any) (m store.Message) {
	t.Helper()
	if code := s.requestJSON(t, "POST", "/api/rooms/"+url.PathEscape(room)+"/messages", token, in, &m); code != 201 {
		t.Fatalf("posting %v: status %d, want 201", in, code)
	}
	return m
}

// tryPostMessage posts over HTTP and returns the status, and for a refusal the
// seconds of Retry-After.
func (s *testServer) tryPostMessage(t *testing.T, room, token, id string) (status, retry int) {
	t.Helper()
	body := fmt.Sprintf(`{"id":%q,"text":"hello"}`, id)
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.host+"/api/rooms/"+room+"/messages", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return statusOrProblem(t, r, http.StatusCreated)
}

// statusOrProblem makes a request and returns the status of the response. If that is
// not the good one, the response must be a problem (RFC 9457), and retry is the
// seconds of its Retry-After.
func statusOrProblem(t *testing.T, r *http.Request, good int) (status, retry int) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode == good {
		return answer.StatusCode, 0
	}
	var p struct {
		Title, Detail string
		Status        int
	}
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil || p.Status != answer.StatusCode || p.Title == "" || p.Detail == "" ||
		answer.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("status %d: problem %+v, error %v, Content-Type %q", answer.StatusCode, p, err, answer.Header.Get("Content-Type"))
	}
	retry, _ = strconv.Atoi(answer.Header.Get("Retry-After"))
	return answer.StatusCode, retry
}

// skipIfTooSlow skips the test after a minute. On a machine where a request takes as
// long as the rate limiter needs for one token, the limit is never reached.
func skipIfTooSlow(t *testing.T, begun time.Time) {
	t.Helper()
	if time.Since(begun) > time.Minute {
		t.Skip("this machine is too slow to reach the limit")
	}
}

// scrapeMetrics reads and parses /metrics as Prometheus does.
func (s *testServer) scrapeMetrics(t *testing.T) (page string, families map[string]*dto.MetricFamily) {
	t.Helper()
	client := http.Client{Timeout: 90 * time.Second}
	answer, err := client.Get("http://" + s.host + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || expfmt.ResponseFormat(answer.Header).FormatType() != expfmt.TypeTextPlain {
		t.Fatalf("/metrics: status %d, header %v, error %v", answer.StatusCode, answer.Header, err)
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	if families, err = parser.TextToMetricFamilies(bytes.NewReader(body)); err != nil {
		t.Fatal(err)
	}
	return string(body), families
}

// readMetric reads one value of /metrics: of a family with labels the one with the
// given label, of a histogram its number of samples.
func (s *testServer) readMetric(t *testing.T, name string, label ...string) float64 {
	t.Helper()
	_, families := s.scrapeMetrics(t)
	for _, m := range families[name].GetMetric() {
		if len(m.Label) != len(label) || len(label) > 0 && m.Label[0].GetValue() != label[0] {
			continue
		}
		switch families[name].GetType() {
		case dto.MetricType_COUNTER:
			return m.GetCounter().GetValue()
		case dto.MetricType_HISTOGRAM:
			return float64(m.GetHistogram().GetSampleCount())
		default:
			return m.GetGauge().GetValue()
		}
	}
	t.Fatalf("/metrics has no %s %v", name, label)
	return 0
}

// limitCount reads from /metrics how often a limit was reached.
func (s *testServer) limitCount(t *testing.T, limit string) int {
	t.Helper()
	return int(s.readMetric(t, "weft_limit_hits_total", limit))
}

// otherLimitCounts returns the counts of all limits but one, those of 0 left out.
func (s *testServer) otherLimitCounts(limit string) map[string]uint64 {
	counts := map[string]uint64{}
	for name, n := range s.limits {
		if name != limit && n.Load() > 0 {
			counts[name] = n.Load()
		}
	}
	return counts
}

// waitUntil polls condition every 20 ms and fails the test if it is not met within 90 s.
// The failure message ends with the last state.
func waitUntil(t testing.TB, what string, condition func() bool, state ...*string) {
	t.Helper()
	deadline, tick := time.After(90*time.Second), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline:
			for _, s := range state {
				what += "; last state: " + *s
			}
			t.Fatal("timeout after 90 s while waiting until " + what)
		}
	}
}

// logBuffer keeps the text of a log. Safe for concurrent use.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// String returns all of the text.
func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// lines returns the lines that are not empty.
func (l *logBuffer) lines() []string {
	return slices.DeleteFunc(strings.Split(l.String(), "\n"), func(s string) bool { return s == "" })
}
