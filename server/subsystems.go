package server

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"time"

	"weft/notify"
	"weft/notify/guard"
	"weft/notify/webpush"
	"weft/presence"
	"weft/presence/redis"
	"weft/server/api"
	"weft/server/chat"
	"weft/server/event"
	"weft/server/room"
	"weft/server/store"
	"weft/server/ws"
	"weft/web"
)

// closers is a stack of functions that end what was started so far.
type closers []func()

func (c *closers) push(end func()) { *c = append(*c, end) }

// close calls the functions, the last one first.
func (c *closers) close() {
	for _, end := range slices.Backward(*c) {
		end()
	}
}

// build makes the subsystems, each after those that it uses, and starts their goroutines.
// If one cannot start, build ends those that run already.
func (s *Server) build(l limits) (err error) {
	var started closers
	defer func() {
		if err != nil {
			started.close()
		}
	}()
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	started.push(cancel)
	if err := s.buildAuth(ctx); err != nil {
		return err
	}
	if err := s.buildNotifications(ctx, l.push); err != nil {
		return err
	}
	s.buildRooms(l.rooms, &started)
	if err := s.buildPresence(&started); err != nil {
		return err
	}
	if err := s.buildChat(ctx, l.chat); err != nil {
		return err
	}
	if err := s.buildDoors(ctx, l, &started); err != nil {
		return err
	}
	s.startBackground(ctx)
	return nil
}

// buildNotifications makes the push sender, the worker that sends queued pushes, and the
// one that turns outbox entries into notifications.
func (s *Server) buildNotifications(ctx context.Context, l notify.Limits) (err error) {
	if s.push, err = s.pushSender(ctx); err != nil {
		return err
	}
	s.notifier = notify.NewWorker(notify.Config{
		Inbox: s.store, Sender: countedSender{s.push, s.pushes}, Deliver: s.live.Deliver,
		Present: func(ctx context.Context, user, room string) (bool, error) { return s.people.IsPresent(ctx, room, user) },
		Delay:   s.config.pushDelay, Limits: l, OnLimit: s.limits.reached, Log: s.config.Log,
	})
	s.outbox = newOutboxWorker(outboxConfig{store: s.store, notify: s.notifier.Notify, withdraw: s.store.Withdraw, isBarred: s.isBarred, log: s.config.Log})
	return nil
}

// pushSender makes the web push sender. Its keys are generated at the first start and
// stored.
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

// buildRooms makes the hub. No room is loaded yet.
func (s *Server) buildRooms(l room.Limits, started *closers) {
	s.roomStore = s.store
	if s.config.rooms != nil {
		s.roomStore = s.config.rooms(s.roomStore)
	}
	s.hub = room.NewHub(room.HubOptions{Store: s.roomStore, Log: s.config.Log, Limits: l, OnLimit: s.limits.reached})
	started.push(func() { _ = s.hub.Close(context.Background()) })
}

// presenceInterval is the shortest time between two presence events of one room.
const presenceInterval = 100 * time.Millisecond

// buildPresence makes the tracker of people and of typing marks, and sends their changes
// to the rooms.
func (s *Server) buildPresence(started *closers) (err error) {
	s.typing = presence.NewTyping(0, s.tellTyping)
	started.push(s.typing.Close)
	if s.people, err = s.tracker(); err != nil {
		return err
	}
	started.push(func() { _ = s.people.Close() })
	s.diffs = presence.NewThrottle(presenceInterval, s.tellPresence)
	started.push(s.diffs.Close)
	s.stopWatch = s.people.Watch(presence.NewCrowdFilter(event.MaxListed, s.diffs.Push).Push)
	started.push(s.stopWatch)
	return nil
}

// tracker returns the presence tracker: of this node, or with Redis of all nodes.
func (s *Server) tracker() (presence.Tracker, error) {
	if s.config.Redis == "" {
		return presence.NewMemory(presence.MemoryOptions{}), nil
	}
	shared, err := redis.New(redis.Options{
		URL: s.config.Redis, Log: s.config.Log, OnTyping: s.typing.ReceiveRemote,
		Grace: s.config.grace, Lease: s.config.lease,
		// Readers and followers of a room's events are not present in the room, and
		// still need to be told who is present.
		KeepMirror: func(room string) bool {
			_, open := s.hub.Loaded(store.RoomID(room))
			return open || s.live.Has(store.RoomID(room))
		},
	})
	if err == nil {
		s.typing.SetPublisher(shared.PublishTyping)
	}
	return shared, err
}

// degraded returns the names of the subsystems that run without what they share with other
// nodes.
func (s *Server) degraded() (subsystems []string) {
	if people, ok := s.people.(*redis.Tracker); ok && people.Degraded() {
		subsystems = append(subsystems, "presence")
	}
	return subsystems
}

// buildChat makes the chat service. What it stores is sent to the room and wakes the outbox worker.
func (s *Server) buildChat(ctx context.Context, l chat.Limits) error {
	epoch, err := s.store.Setting(ctx, chat.EpochSetting, chat.NewEpoch)
	if err != nil {
		return err
	}
	s.chat = chat.New(chat.Config{
		Store: s.store, Limits: l, OnLimit: s.limits.reached, Epoch: string(epoch),
		Posted: func(m store.Message) {
			s.tell(m.Room, event.Message{Message: m})
			s.outbox.wakeUp()
		},
		Changed: func(m store.Message) {
			s.tell(m.Room, event.MessageChanged{Message: m})
			s.outbox.wakeUp()
		},
		SystemPosted: func(room store.RoomID, m store.SystemMessage) {
			s.tell(room, event.SystemMessage{SystemMessage: m})
		},
		Read: s.tellRead, Barred: s.isBarred,
	})
	return nil
}

// buildDoors makes the WebSocket door and the HTTP door, which is the server's handler.
func (s *Server) buildDoors(ctx context.Context, l limits, started *closers) error {
	c := s.config
	proxies, err := c.proxies()
	if err != nil {
		return err
	}
	s.door = ws.New(ws.Config{
		Hub: s.hub, Chat: s.chat, People: s.people, Typing: s.typing, Members: s.roomStore,
		Auth: s.verifier, Limits: l.ws, Proxies: proxies, OnLimit: s.limits.reached, Log: c.Log,
		Poller: ws.PollerMode(c.Poller),
	})
	started.push(func() { s.door.Close(ctx) })
	pages := c.pages
	if pages == nil {
		pages = web.Dist()
	}
	host, _, _ := net.SplitHostPort(c.Addr)
	handler, err := api.New(api.Config{
		Auth: s.verifier, Access: &s.access, Chat: s.chat, Hub: s.hub, Store: s.store, Inbox: s.store, Worker: s.notifier, Push: s.push,
		People: s.people, Degraded: s.degraded, Sockets: sockets{s.door}, Proxies: proxies, Live: s.live, Pages: pages, Limits: l.api, Log: c.Log,
		Hit: s.limits.reached, Metrics: s.metrics(),
		Origins: api.Origins{Allowed: c.Origins, PublicURL: c.PublicURL, Local: c.OpenMode() && guard.IsLoopback(host)},
	})
	if err != nil {
		return err
	}
	s.http = &http.Server{
		Handler: handler, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelWarn),
	}
	return nil
}

// startBackground starts the goroutines that run until ctx ends; Close waits for them.
func (s *Server) startBackground(ctx context.Context) {
	if s.keys != nil {
		s.background.Go(func() { s.keys.Run(ctx) })
	}
	s.background.Go(func() { s.outbox.run(ctx) })
	s.background.Go(func() {
		if err := s.notifier.Run(ctx); err != nil && ctx.Err() == nil {
			s.config.Log.Error("the push worker ended", "err", err)
		}
	})
}
