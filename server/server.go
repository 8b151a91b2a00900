// Package server connects documents, presence, chat, notifications and the page. It wires
// the subsystems together and has no logic of its own beyond that.
//
//	srv, err := server.New(server.Config{Data: "weft-data"})
//	err = srv.Serve(ctx, listener)
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"weft/notify"
	"weft/notify/webpush"
	"weft/presence"
	"weft/server/api"
	"weft/server/auth"
	"weft/server/auth/jwks"
	"weft/server/chat"
	"weft/server/room"
	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/ws"
)

// DrainTime is how long a stopping server waits for its connections and for updates that
// are not on disk yet. With requestTimeout and endTimeout the whole stop takes less than
// 20 s, also if the disk does not answer.
const DrainTime = 12 * time.Second

// ErrNotEnded is returned by Close if a goroutine did not end in time, most likely because
// the disk does not answer. The program may exit: nothing that is lost was acked.
var ErrNotEnded = errors.New("server: a subsystem did not end in time")

// Server is a complete Weft server. Make one with New and run it with Serve. Safe for
// concurrent use.
type Server struct {
	config Config
	store  *sqlite.Store

	// auth.go
	access   auth.Access
	keys     *jwks.Set // nil: no --jwks
	verifier *auth.Verifier

	// subsystems.go
	push      *webpush.Sender
	notifier  *notify.Worker
	outbox    *outboxWorker
	roomStore store.Store // the store, as the rooms use it
	hub       *room.Hub
	typing    *presence.Typing
	people    presence.Tracker
	diffs     *presence.Throttle // merges presence diffs on their way to the rooms
	stopWatch func()             // ends the subscription that feeds diffs
	chat      *chat.Service
	door      *ws.Door
	live      *api.Live
	http      *http.Server

	counters

	cancel     context.CancelFunc // ends the goroutines in background
	background sync.WaitGroup
	closing    sync.Once
	closed     error // result of the first Close
}

// New opens the data folder and makes all subsystems. The caller must call Serve or Close.
// Errors are those of Config.Check, of opening the store, and of subsystems that cannot
// start; no goroutine is left then.
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
		c.Log.Error("the data file is damaged; affected rooms are quarantined, the others are served", "err", err)
	}
	s := &Server{config: c, store: db, live: api.NewLive(), counters: counters}
	if err := s.build(l); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// Handler returns the handler of all HTTP requests, including WebSockets.
func (s *Server) Handler() http.Handler { return s.http.Handler }

// Serve accepts connections on l until ctx ends, and then calls Close. It returns errors of
// both.
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

// Close drains and stops the server: it accepts nothing new, closes connections with 1012
// (restart), writes what is not on disk yet, and waits for all goroutines, at most
// DrainTime and a few seconds. Later calls return the result of the first.
func (s *Server) Close() error {
	s.closing.Do(func() { s.closed = s.close() })
	return s.closed
}

// requestTimeout is how long a stopping server waits for HTTP requests in progress.
const requestTimeout = 5 * time.Second

// stopRequests waits for HTTP requests in progress. Then it closes the connections of clients
// that have not finished sending a request or reading an answer.
func (s *Server) stopRequests(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		s.config.Log.Warn("HTTP requests did not end in time; closing their connections")
		err = s.http.Close()
	}
	return err
}

// close does what Close promises. The order matters: first nothing new comes in, then
// connections and rooms end, then what they use.
func (s *Server) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(s.config.drain, DrainTime))
	defer cancel()
	s.door.Stop()
	s.hub.Stop()
	s.live.Close()
	err := s.stopRequests(ctx)
	s.door.Close(ctx)
	// Connections may be blocked by a room whose disk does not answer. They end when the
	// rooms are closed, so door.Wait comes after hub.Close.
	err = errors.Join(err, s.hub.Close(ctx))
	s.cancel()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.door.Wait()
		s.background.Wait()
		s.typing.Close()
		s.stopWatch()
		s.diffs.Close()
		s.push.Close()
	}()
	if within(endTimeout, ended) {
		return errors.Join(err, s.people.Close(), s.store.Close())
	}
	// A goroutine waits for the store. Closing the store makes its calls return.
	err = errors.Join(err, s.store.Close())
	if !within(endTimeout, ended) {
		err = errors.Join(err, ErrNotEnded)
	}
	return errors.Join(err, s.people.Close())
}

// endTimeout is how long the last goroutines may take to end.
const endTimeout = time.Second

// within reports whether done is closed before the time is over.
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
