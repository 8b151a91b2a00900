package ws

import (
	"cmp"
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/olahol/melody"

	"weft/presence"
	"weft/server/auth"
	"weft/server/chat"
	"weft/server/problem"
	"weft/server/room"
	"weft/server/wire"
	"weft/server/ws/internal/netpoll"
)

// ErrStopping says that the server takes no more connections: 503.
var ErrStopping error = problem.ServerStopping.New("")

// PollerMode says how a Door reads and writes its connections. The dialects behave the
// same either way; PollerAuto costs less CPU and memory.
type PollerMode = netpoll.Mode

// Poller modes.
const (
	PollerAuto = netpoll.ModeAuto // by epoll of its own where that is supported
	PollerOff  = netpoll.ModeOff  // by the net package
)

// Config of a Door. All fields are required but Proxies, OnLimit and Poller.
type Config struct {
	Hub     *room.Hub
	Chat    *chat.Service
	People  presence.Tracker
	Typing  *presence.Typing
	Members Members
	Auth    *auth.Verifier
	Limits  Limits
	// Proxies are networks of proxies whose X-Forwarded-For header is trusted.
	Proxies []netip.Prefix
	// OnLimit is called with the name of a limit each time that the limit refuses, drops,
	// delays or closes something. It must not block. nil: not called.
	OnLimit func(limit string)
	Log     *slog.Logger
	// Poller says whether the door polls its connections itself; empty is PollerAuto.
	Poller PollerMode

	pongWait time.Duration // 0: the constant; for tests
}

// Door serves WebSocket connections. Its caller has checked the origin of a request and
// the token that it carries. Safe for concurrent use.
type Door struct {
	hub      *room.Hub
	chat     *chat.Service
	people   presence.Tracker
	typing   *presence.Typing
	members  Members
	auth     *auth.Verifier
	log      *slog.Logger
	pongWait time.Duration

	limits        limits
	admission     *admission
	recentMembers *lru.Cache[membership, struct{}]

	transport        *netpoll.Transport
	melody           *melody.Melody
	melodyBeforeAuth *melody.Melody // for connections that have yet to authenticate: a lower read limit

	stop   chan struct{}  // closed to end the goroutine of keepAlive
	served sync.WaitGroup // connections, and goroutines that work for them

	users       userIndex // all connections; see credentials
	nativeUsers userIndex // native connections of people with a token

	mu       sync.Mutex
	conns    map[*conn]struct{}
	open     Open
	stopping bool
}

// New returns a Door and starts its goroutine; Close ends it.
func New(c Config) *Door {
	l := limits{c.Limits, c.OnLimit}
	if l.onLimit == nil {
		l.onLimit = func(string) {}
	}
	recent, err := lru.New[membership, struct{}](maxRecentMembers)
	if err != nil {
		panic(err) // only for a size below 1
	}
	d := &Door{
		hub: c.Hub, chat: c.Chat, people: c.People, typing: c.Typing, members: c.Members, auth: c.Auth, log: c.Log,
		pongWait: cmp.Or(c.pongWait, pongWait),
		limits:   l, admission: newAdmission(l, c.Proxies), recentMembers: recent,
		transport: netpoll.New(netpoll.Options{Mode: c.Poller, Log: c.Log}),
		stop:      make(chan struct{}), conns: map[*conn]struct{}{},
	}
	d.melody, d.melodyBeforeAuth = d.newMelody(l.readLimit()), d.newMelody(readLimitBeforeAuth)
	d.served.Add(1)
	go d.keepAlive()
	return d
}

// Open is how many connections of each dialect are open.
type Open struct{ YWebsocket, Hocuspocus, Native int }

// of returns the count of the connection's dialect.
func (o *Open) of(c *conn) *int {
	switch c.dialect.(type) {
	case *yWebsocket:
		return &o.YWebsocket
	case *hocuspocus:
		return &o.Hocuspocus
	default:
		return &o.Native
	}
}

// Open returns how many connections are open.
func (d *Door) Open() Open {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

func (d *Door) addConn(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[c] = struct{}{}
	*d.open.of(c)++
	if d.stopping { // Stop ran during the upgrade
		go c.close(wire.CloseRestart, "restart")
	}
}

func (d *Door) removeConn(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.conns[c]; ok {
		delete(d.conns, c)
		*d.open.of(c)--
	}
}

func (d *Door) allConns() []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	conns := make([]*conn, 0, len(d.conns))
	for c := range d.conns {
		conns = append(conns, c)
	}
	return conns
}

// Stop takes no more connections and closes all with 1012: their clients reconnect
// later. It does not wait for them.
func (d *Door) Stop() {
	d.mu.Lock()
	if d.stopping {
		d.mu.Unlock()
		return
	}
	d.stopping = true
	d.mu.Unlock()
	close(d.stop)
	for _, c := range d.allConns() {
		c.close(wire.CloseRestart, "restart")
	}
}

// Close stops the door and waits until all connections have ended. When ctx ends it
// aborts those that are left and returns: a connection that waits for a room ends when
// the room does.
func (d *Door) Close(ctx context.Context) {
	d.Stop()
	ended := make(chan struct{})
	go func() { d.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		for _, c := range d.allConns() {
			c.abort()
		}
	}
}

// Wait waits until all connections have ended. The door and its rooms must have been
// closed before.
func (d *Door) Wait() {
	d.served.Wait()
	d.transport.Close()
}
