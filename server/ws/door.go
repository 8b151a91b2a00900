// Package ws is the WebSocket door: the only place that knows Melody, which
// pumps the sockets. What passes it are bodies for rooms, and events.
package ws

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/olahol/melody"

	"weft/presence"
	"weft/server/auth"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/problem"
	"weft/server/room"
	"weft/server/store"
	"weft/server/wire"
	"weft/server/ws/internal/netpoll"
)

// ErrStopping says that the server takes no more connections.
var ErrStopping error = problem.ServerStopping.New("")

// PollerMode says how a Door reads and writes its connections. The dialects behave the
// same either way; PollerAuto costs less CPU and memory.
type PollerMode = netpoll.Mode

// Poller modes.
const (
	PollerAuto = netpoll.ModeAuto // by epoll of its own where that is supported
	PollerOff  = netpoll.ModeOff  // by the net package
)

// Config of a Door; all but Limits, Hit and Log are needed.
type Config struct {
	Hub     *room.Hub
	Chat    *chat.Service
	People  presence.Tracker
	Typing  *presence.Typing
	Members Members
	Auth    *auth.Verifier
	Limits  Limits
	// Proxies whose X-Forwarded-For is believed.
	Proxies []netip.Prefix
	// Hit is called with the name of a limit each time that it is hit. It must not
	// block. nil: nobody counts.
	Hit func(limit string)
	Log *slog.Logger
	// Poller says whether the door polls its connections itself; empty is PollerAuto.
	Poller PollerMode

	pongWait time.Duration // 0: the constant; for tests
}

// Members remembers who has been in a room, and what they have not read there.
type Members interface {
	TouchMember(ctx context.Context, room store.RoomID, u store.User, at time.Time) (before string, err error)
	LastRev(ctx context.Context, room store.RoomID) (store.Rev, error)
	Unread(ctx context.Context, room store.RoomID, user string) (store.Unread, error)
}

// Door serves WebSocket connections. Origin, identity and role have been
// checked by who calls it. Safe for concurrent use.
type Door struct {
	Config
	limits    limits
	melody    *melody.Melody
	strangers *melody.Melody // for who has not said who they are: see conn.known
	admission *admission
	known     *recent
	transport *netpoll.Transport

	stop   chan struct{} // closed to end the goroutine below
	served sync.WaitGroup

	mu       sync.Mutex
	conns    map[*conn]struct{}
	open     Open
	people   map[string]map[*conn]struct{} // native connections of people with a token
	stopping bool
}

// New makes a door and starts its goroutine; Close ends it.
func New(c Config) *Door {
	c.pongWait = cmp.Or(c.pongWait, pongWait)
	if c.Hit == nil {
		c.Hit = func(string) {}
	}
	l := limits{c.Limits, c.Hit}
	d := &Door{Config: c, limits: l, admission: newAdmission(l, c.Proxies), stop: make(chan struct{}), conns: map[*conn]struct{}{}, people: map[string]map[*conn]struct{}{}, known: newRecent(10_000)}
	d.transport = netpoll.New(netpoll.Options{Mode: c.Poller, Log: c.Log})
	d.melody, d.strangers = d.pumps(c.Limits.hardMax()), d.pumps(strangerMax)
	d.served.Add(1)
	go d.beat()
	return d
}

// receive takes a frame that fits.
func (c *conn) receive(frame []byte) {
	if name, limit := c.door.limits.largest(); len(frame) > limit {
		c.door.Hit(name)
		c.close(wire.CloseTooLarge, fmt.Sprintf("a message of %d bytes, the limit is %d", len(frame), limit))
		return
	}
	c.heard.Store(time.Now().UnixNano())
	c.limit.size(len(frame))
	if c.frames++; c.frames <= asideFrames {
		c.aside(func() { c.received(frame) })
		return
	}
	c.received(frame)
}

// overflowed takes note of a message over any limit: the socket has not read it to
// its end.
func (c *conn) overflowed() {
	name, _ := c.door.limits.largest()
	if c.in.unknown() {
		name = "hello"
	}
	c.door.Hit(name)
}

func (c *conn) received(frame []byte) {
	c.work.Lock()
	defer c.work.Unlock()
	c.dialect.received(frame)
}

// ServeRoom serves the y-websocket dialect in one room. An error means that
// nothing has been written yet; the connection lives on after it otherwise.
func (d *Door) ServeRoom(w http.ResponseWriter, r *http.Request, id auth.Identity, anonymous bool, room store.RoomID) error {
	in, leave, err := d.admit(r, false)
	if err != nil {
		return err
	}
	if !anonymous {
		if err := in.known(id.User); err != nil {
			leave()
			return err
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), loadWait)
	defer cancel()
	live, release, err := d.Hub.Open(ctx, room)
	if err != nil {
		leave()
		return err
	}
	c := d.conn(in)
	y := &yWebsocket{conn: c, peer: peer{conn: c, name: c.name, room: live}}
	c.dialect = y
	c.person.identity, c.person.anonymous = id, anonymous
	d.serve(w, r, c, func() { release(); leave() })
	return nil
}

// ServeHocuspocus serves the Hocuspocus dialect: many documents, each entered
// with a token of its own. token is what the request carried; it counts for
// documents that are entered with none.
func (d *Door) ServeHocuspocus(w http.ResponseWriter, r *http.Request, token string) error {
	in, leave, err := d.admit(r, true)
	if err != nil {
		return err
	}
	c := d.conn(in)
	c.dialect = &hocuspocus{conn: c, token: token, documents: map[string]*document{}, denied: map[string][]byte{}}
	d.serve(w, r, c, leave)
	return nil
}

// ServeNative serves the native dialect. token is what the request carried;
// empty if the hello is to bring it.
func (d *Door) ServeNative(w http.ResponseWriter, r *http.Request, token string) error {
	in, leave, err := d.admit(r, true)
	if err != nil {
		return err
	}
	c := d.conn(in)
	c.dialect = &native{conn: c, token: token, channels: map[uint64]*channel{}}
	d.serve(w, r, c, leave)
	return nil
}

func (d *Door) conn(in *admitted) *conn {
	name := rand.Text()
	pump := d.melody
	if in.stranger {
		pump = d.strangers
	}
	c := &conn{name: name, in: in, door: d, melody: pump}
	c.limit.begin(d.limits)
	return c
}

// admit counts a connection in, before anything is loaded for it. A stranger's
// has not said yet who it is.
func (d *Door) admit(r *http.Request, stranger bool) (in *admitted, leave func(), err error) {
	in, err = d.admission.enter(r, stranger)
	if err != nil {
		return nil, nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		in.leave()
		return nil, nil, ErrStopping
	}
	d.served.Add(1)
	return in, func() { in.leave(); d.served.Done() }, nil
}

// Open is how many connections of each dialect are open.
type Open struct{ YWebsocket, Hocuspocus, Native int }

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

func (d *Door) enter(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.conns[c] = struct{}{}
	*d.open.of(c)++
	if d.stopping { // it upgraded while Close ran
		go c.close(wire.CloseRestart, "restart")
	}
}

func (d *Door) leave(c *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, live := d.conns[c]; live {
		delete(d.conns, c)
		*d.open.of(c)--
	}
	if c.user == "" {
		return
	}
	delete(d.people[c.user], c)
	if len(d.people[c.user]) == 0 {
		delete(d.people, c.user)
	}
}

// belongs takes note whose a native connection is.
func (d *Door) belongs(c *conn, user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, live := d.conns[c]; !live || c.user != "" || user == "" {
		return
	}
	c.user = user
	if d.people[user] == nil {
		d.people[user] = map[*conn]struct{}{}
	}
	d.people[user][c] = struct{}{}
}

// SendToUser sends an event to all native connections of a person, on channel 0. It
// does not block.
func (d *Door) SendToUser(user string, e *event.Encoded) {
	d.mu.Lock()
	conns := slices.Collect(maps.Keys(d.people[user]))
	d.mu.Unlock()
	if len(conns) == 0 {
		return
	}
	frame := wire.AppendFrame(nil, 0, e.Native())
	for _, c := range conns {
		c.send(frame)
	}
}

func (d *Door) all() []*conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*conn, 0, len(d.conns))
	for c := range d.conns {
		all = append(all, c)
	}
	return all
}

// Renew makes what a person may do now count on the connections they have. It
// does not wait for it, as some may be waiting for rooms that stand still: such a
// connection of theirs is ended, for them to come back and be asked who they are.
func (d *Door) Renew(user string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.stopping {
		return
	}
	for c := range d.conns {
		d.served.Go(func() { // ends when the connection's work does
			stuck := time.AfterFunc(renewWait, func() {
				if c.in.of(user) {
					c.log().Warn("a connection whose room stands still is ended, as its person's rights have changed", "user", user)
					c.drop()
				}
			})
			c.work.Lock()
			stuck.Stop()
			defer c.work.Unlock()
			if !c.over {
				c.dialect.renew(user)
			}
		})
	}
}

// beat gives connections a sign of life where it takes one: clients of
// y-websocket and Hocuspocus hang up after 30 s without a message, and do not
// see WebSocket pings. And it looks for connections whose time to say something has
// passed, or that nobody reads.
func (d *Door) beat() {
	defer d.served.Done()
	ticker := time.NewTicker(min(quiet/2, d.pongWait/4))
	defer ticker.Stop()
	for {
		select {
		case <-d.stop:
			return
		case now := <-ticker.C:
			d.transport.CheckStalled()
			for _, c := range d.all() {
				c.transport.CheckReadDeadline(now)
				if c.unread() {
					c.lose()
				} else if c.out.quiet() {
					c.dialect.beat()
				}
			}
		}
	}
}

// Stop takes no more connections and asks all to come back later, with 1012.
func (d *Door) Stop() {
	d.mu.Lock()
	if d.stopping {
		d.mu.Unlock()
		return
	}
	d.stopping = true
	d.mu.Unlock()
	close(d.stop)
	for _, c := range d.all() {
		c.close(wire.CloseRestart, "restart")
	}
}

// Close stops, and waits for all connections to end. When ctx ends it cuts them
// off and returns: those that wait for a room end when the room does.
func (d *Door) Close(ctx context.Context) {
	d.Stop()
	ended := make(chan struct{})
	go func() { d.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		for _, c := range d.all() {
			c.drop()
		}
	}
}

// Wait waits until all connections have ended. Close the door and its rooms
// before.
func (d *Door) Wait() {
	d.served.Wait()
	d.transport.Close()
}
