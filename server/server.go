// Package server is where documents, presence, notifications and the page
// meet: it introduces them to each other, and knows nothing else.
//
//	srv, err := server.New(server.Config{Data: "weft-data"})
//	err = srv.Serve(ctx, listener)
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"weft/notify"
	"weft/notify/webpush"
	"weft/presence"
	"weft/server/api"
	"weft/server/auth"
	"weft/server/auth/jwks"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/room"
	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/ws"
	"weft/web"
)

// DrainTime is how long a stopping server waits for its connections and for
// what is not on disk yet. A disk that does not answer costs a few seconds more;
// with them it is below 20 s in all.
const DrainTime = 12 * time.Second

// ErrNotEnded says that a part of the server waits for something that does not
// come, a disk most likely. The program may end all the same: nobody was told
// that what is lost is safe.
var ErrNotEnded = errors.New("server: not all of it has ended")

// Server is a whole Weft. Make one with New, run it with Serve.
type Server struct {
	config Config
	store  *sqlite.Store
	hub    *room.Hub
	door   *ws.Door
	live   *api.Live
	push   *webpush.Sender
	people presence.Tracker
	typing *presence.Typing
	worker *notify.Worker
	outbox *outboxWorker
	http   *http.Server

	access auth.Access
	keys   *jwks.Set // nil: none

	cancel     context.CancelFunc // ends the goroutines below
	background sync.WaitGroup
	stopWatch  func()
	rounds     *presence.Throttle
	counters
	closing sync.Once
	closed  error
}

// New opens the data folder and puts the parts together. The caller must Serve
// or Close.
func New(c Config) (*Server, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	l, err := c.limits()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("server: data folder: %w", err)
	}
	counters := newCounters()
	db, err := sqlite.Open(filepath.Join(c.Data, dataFile), sqlite.Options{OnCommit: counters.committed})
	if err != nil {
		return nil, err
	}
	if err := db.Damage(); err != nil {
		c.Log.Error("the data file is damaged; rooms known to be affected are quarantined, the others are served", "err", err)
	}
	s := &Server{config: c, store: db, live: api.NewLive(), counters: counters}
	if err := s.assemble(l); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// roundTime is how far apart a room is told who came and went.
const roundTime = 100 * time.Millisecond

// assemble makes the parts and starts their goroutines; if it fails, none is left.
func (s *Server) assemble(l limits) (err error) {
	c := s.config
	var begun []func() // what ends the parts that run already
	defer func() {
		if err == nil {
			return
		}
		for _, end := range slices.Backward(begun) {
			end()
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	begun = append(begun, cancel)
	proxies, err := c.proxies()
	if err != nil {
		return err
	}
	if err := s.loadAccess(ctx); err != nil {
		return err
	}
	verifier, err := s.verifier(ctx)
	if err != nil {
		return err
	}
	push, err := s.pushSender(ctx)
	if err != nil {
		return err
	}
	s.push = push
	s.worker = notify.NewWorker(notify.Config{
		Inbox: s.store, Sender: countedSender{push, s.pushes}, Deliver: s.live.Deliver, Delay: c.pushDelay, Limits: l.push, OnLimit: s.limits.reached, Log: c.Log,
		Present: func(ctx context.Context, user, room string) (bool, error) { return s.people.IsPresent(ctx, room, user) },
	})
	epoch, err := s.store.Setting(ctx, chat.EpochSetting, chat.NewEpoch)
	if err != nil {
		return err
	}
	s.outbox = newOutboxWorker(outboxConfig{store: s.store, notify: s.worker.Notify, withdraw: s.store.Withdraw, isBarred: s.barred, log: c.Log})
	var rooms store.Store = s.store
	if c.rooms != nil {
		rooms = c.rooms(rooms)
	}
	s.hub = room.NewHub(room.HubOptions{Store: rooms, Log: c.Log, Limits: l.rooms, OnLimit: s.limits.reached})
	begun = append(begun, func() { _ = s.hub.Close(context.Background()) }) // of no rooms yet
	s.typing = presence.NewTyping(0, func(p presence.Place, users []presence.Typist) {
		if p.Thread == "" {
			s.tell(p.Room, event.Typing{Users: users})
		} else {
			s.tell(p.Room, event.ThreadTyping{Thread: p.Thread, Users: users})
		}
	})
	begun = append(begun, s.typing.Close)
	if s.people, err = s.tracker(); err != nil {
		return err
	}
	begun = append(begun, func() { _ = s.people.Close() })
	s.rounds = presence.NewThrottle(roundTime, s.tellPresence)
	s.stopWatch = s.people.Watch(presence.NewCrowdFilter(event.MaxListed, s.rounds.Push).Push)
	begun = append(begun, s.rounds.Close, s.stopWatch)
	talk := chat.New(chat.Config{
		Store: s.store, Limits: l.chat, OnLimit: s.limits.reached, Epoch: string(epoch),
		Posted: func(m store.Message) {
			s.tell(string(m.Room), event.Message{Message: m})
			s.outbox.wakeUp()
		},
		Changed: func(m store.Message) {
			s.tell(string(m.Room), event.MessageChanged{Message: m})
			s.outbox.wakeUp()
		},
		SystemPosted: func(room store.RoomID, l store.SystemMessage) {
			s.tell(string(room), event.SystemMessage{SystemMessage: l})
		},
		Read: s.tellRead, Barred: s.barred,
	})
	s.door = ws.New(ws.Config{
		Hub: s.hub, Chat: talk, People: s.people, Typing: s.typing, Members: rooms,
		Auth: verifier, Limits: l.ws, Proxies: proxies, Hit: s.limits.reached, Log: c.Log,
		Poller: ws.PollerMode(c.Poller),
	})
	begun = append(begun, func() { s.door.Close(ctx) })
	pages := c.pages
	if pages == nil {
		pages = web.Dist()
	}
	host, _, _ := net.SplitHostPort(c.Addr)
	handler, err := api.New(api.Config{
		Auth: verifier, Access: &s.access, Chat: talk, Hub: s.hub, Store: s.store, Inbox: s.store, Worker: s.worker, Push: push,
		People: s.people, Degraded: s.degraded, Sockets: sockets{s.door}, Proxies: proxies, Live: s.live, Pages: pages, Limits: l.api, Log: c.Log,
		Hit: s.limits.reached, Metrics: s.metrics(),
		Origins: api.Origins{Allowed: c.Origins, PublicURL: c.PublicURL, Local: c.OpenMode() && isLoopback(host)},
	})
	if err != nil {
		return err
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
	}
	if s.keys != nil {
		s.background.Go(func() { s.keys.Run(ctx) })
	}
	s.background.Go(func() { s.outbox.run(ctx) })
	s.background.Go(func() {
		if err := s.worker.Run(ctx); err != nil && ctx.Err() == nil {
			c.Log.Error("the push worker has ended", "err", err)
		}
	})
	return nil
}

// verifier makes the token checker; without a secret or keys of the operator's, with
// a secret made at the first start.
func (s *Server) verifier(ctx context.Context) (*auth.Verifier, error) {
	c := auth.Config{
		Secret: []byte(s.config.JWTSecret), Issuer: s.config.Issuer, Audience: s.config.Audience,
		Open: s.config.OpenMode(), Access: &s.access, APIKey: s.config.APIKey, OnLimit: s.limits.reached,
	}
	var err error
	switch {
	case s.config.JWKS != "":
		keys, err := s.config.keys()
		if err != nil {
			return nil, err
		}
		if s.keys, c.Keys = keys, keys; s.config.JWTSecret == "" {
			c.Secret = nil
		}
	case s.config.JWTSecret == "":
		if c.Secret, err = s.store.Setting(ctx, "guest-secret", newSecret); err != nil {
			return nil, err
		}
	}
	return auth.NewVerifier(c)
}

// pushSender makes the web push sender, with keys made at the first start.
func (s *Server) pushSender(ctx context.Context) (*webpush.Sender, error) {
	stored, err := s.store.Setting(ctx, "vapid-keys", func() ([]byte, error) {
		keys, err := webpush.GenerateKeys()
		if err != nil {
			return nil, err
		}
		return keys.MarshalBinary()
	})
	if err != nil {
		return nil, err
	}
	var keys webpush.Keys
	if err := keys.UnmarshalBinary(stored); err != nil {
		return nil, fmt.Errorf("server: stored push keys: %w", err)
	}
	c := s.config.push
	c.Keys, c.PublicURL = keys, s.config.PublicURL
	if c.PublicURL == "" {
		c.PublicURL = s.config.localURL()
	}
	c.Unread = func(ctx context.Context, user string) (int, error) {
		_, counts, err := s.store.List(ctx, user, notify.Page{Limit: 1})
		return counts.Unread, err
	}
	return webpush.New(c)
}

// tell sends an event to everybody in a room: to its streams, and to its sockets
// if the room is open.
func (s *Server) tell(id string, e event.Event) {
	encoded := event.New(e)
	s.live.SendRoom(store.RoomID(id), encoded)
	if live, open := s.hub.Loaded(store.RoomID(id)); open {
		live.Broadcast(encoded)
	}
}

// tellPresence tells a room who came and went, and how many are here now. All rooms
// are told by one goroutine at a time, so it waits for nothing.
func (s *Server) tellPresence(d presence.Diff) {
	e := event.Presence{Joins: d.Joins, Leaves: d.Leaves}
	if n, err := s.people.Count(context.Background(), d.Room); err == nil {
		e.Count = &n
	}
	s.tell(d.Room, e)
}

// barred tells whether a person may not even read a room any more, whatever
// their token says.
func (s *Server) barred(user string, room store.RoomID) bool {
	return s.access.Ceiling(user, string(room)) < auth.Read
}

// tellRead tells a person's tabs what is unread in a room, those outside of the
// room too.
func (s *Server) tellRead(room store.RoomID, user string, u store.Unread) {
	read := event.New(event.Read{Room: room, Unread: u})
	s.door.SendToUser(user, read)
	s.live.Send(user, read)
}

// Handler answers HTTP requests, WebSockets among them.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve answers on l until ctx ends, and then closes: it stops accepting, asks
// the connections to come back later (1012), and flushes. All that was
// acknowledged was on disk before.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- s.http.Serve(l) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, s.Close())
}

// Close ends everything, within DrainTime and a few seconds.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

// requestTime is how long a stopping server waits for requests under way.
const requestTime = 5 * time.Second

// stopRequests waits for requests, and then cuts off those who do not finish
// sending or reading one.
func (s *Server) stopRequests(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.config.Log.Warn("requests did not end in time; cutting them off")
		err = s.http.Close()
	}
	return err
}

func (s *Server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(s.config.drain, DrainTime))
	defer cancel()
	s.door.Stop()
	s.hub.Stop()
	s.live.Close()
	err := s.stopRequests(ctx)
	s.door.Close(ctx)
	// Only now, with the rooms gone, is nobody waiting for a room whose disk
	// does not answer.
	err = errors.Join(err, s.hub.Close(ctx))
	s.cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.door.Wait()
		s.background.Wait()
		s.typing.Close()
		s.stopWatch()
		s.rounds.Close()
		s.push.Close()
	}()
	if within(endTime, ended) {
		return errors.Join(err, s.people.Close(), s.store.Close())
	}
	// Somebody waits for the store: closing it turns them away.
	err = errors.Join(err, s.store.Close())
	if !within(endTime, ended) {
		err = errors.Join(err, ErrNotEnded)
	}
	return errors.Join(err, s.people.Close())
}

// endTime is how long the last goroutines may take once nothing holds them.
const endTime = time.Second

func within(wait time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
