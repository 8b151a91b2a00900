package netpoll

import (
	"bufio"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// testServer upgrades every request with gorilla, over a Conn of its transport.
type testServer struct {
	transport *Transport
	url       string
	next      chan Handler         // of the next connection
	upgraded  chan *websocket.Conn // the server's end of it
}

func newTestServer(t *testing.T, o Options) *testServer {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &testServer{transport: New(o), next: make(chan Handler, 1), upgraded: make(chan *websocket.Conn, 1)}
	t.Cleanup(s.transport.Close)
	up := websocket.Upgrader{WriteBufferPool: &sync.Pool{}, ReadBufferSize: 128}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := up.Upgrade(wrapper{w, s.transport, <-s.next}, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		c.NetConn().(Conn).BeginFrames()
		s.upgraded <- c
	}))
	t.Cleanup(srv.Close)
	s.url = "ws" + strings.TrimPrefix(srv.URL, "http")
	return s
}

// connect returns both ends of a new connection whose messages are offered to h.
func (s *testServer) connect(t *testing.T, h Handler) (server, client *websocket.Conn) {
	t.Helper()
	s.next <- h
	client, _, err := websocket.DefaultDialer.Dial(s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	server = <-s.upgraded
	t.Cleanup(func() {
		client.Close()
		server.NetConn().(Conn).Abort()
	})
	return server, client
}

// wrapper is a response writer whose connection is hijacked as a Conn.
type wrapper struct {
	http.ResponseWriter
	transport *Transport
	handler   Handler
}

func (w wrapper) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	return w.transport.Wrap(c, w.handler), rw, nil
}

// refuse is a handler that leaves all messages to the WebSocket library.
type refuse struct{}

func (refuse) TryHandle([]byte) bool { return false }
