package room

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weft/server/room/journal"
	"weft/server/store"
)

// ErrClosed says that the hub is closing, or that the room has ended: reconnect later.
var ErrClosed = errors.New("room: the server is stopping")

// A Hub opens and closes rooms: there is at most one instance of each room at any time. All
// methods are safe for concurrent use.
type Hub struct {
	store     store.Store
	journal   *journal.Journal
	compactor *Compactor
	log       *slog.Logger
	idle      time.Duration

	limits   Limits
	onLimit  func(limit string)
	memory   atomic.Int64 // bytes that all rooms take, as of their last tick
	catchUps catchUps

	wg sync.WaitGroup // the rooms' goroutines

	mu          sync.Mutex // never held while calling a room's methods or the store
	rooms       map[store.RoomID]*entry
	unused      list.List // of *entry: ready rooms that nobody uses, the longest unused first
	quarantined map[store.RoomID]*quarantine
	closed      bool
}

// entry is a room in the hub, from the first request for it to its end:
//
//	loading ─▶ ready ─▶ unloading ─▶ (removed)
//	   └────▶ failed ─▶ (removed)
type entry struct {
	loaded chan struct{} // closed when loading has ended; then room or err is set
	room   *Room
	err    error
	stop   context.CancelFunc // ends loading, and the room

	// Guarded by Hub.mu.
	refs      int
	timer     *time.Timer   // unloads when it fires; nil while refs > 0
	unused    *list.Element // in Hub.unused, while timer is set
	unloading bool          // takes no references: wait for removed and ask the hub again
	removed   chan struct{} // closed when the entry is out of the map
}

// HubOptions of a Hub.
type HubOptions struct {
	Store store.Store
	Log   *slog.Logger
	// Idle is how long a room stays loaded after its last peer has left, so that a
	// reconnecting client costs no loading; 0 means 60 s.
	Idle time.Duration
	// Limits; 0 in any of them means its default.
	Limits Limits
	// OnLimit is called with the name of a limit each time that it has refused, dropped or
	// delayed something. Locks are held: it must not block or call the hub or a room. nil:
	// nothing is called.
	OnLimit func(limit string)
}

// NewHub starts a hub; Close ends it.
func NewHub(o HubOptions) *Hub {
	if o.Idle == 0 {
		o.Idle = 60 * time.Second
	}
	if o.OnLimit == nil {
		o.OnLimit = func(string) {}
	}
	limits := o.Limits.withDefaults()
	compactor := NewCompactor(o.Store, o.Log)
	return &Hub{
		store: o.Store, log: o.Log, idle: o.Idle, limits: limits, onLimit: o.OnLimit, compactor: compactor,
		journal: journal.New(journal.Options{
			Store: o.Store, Log: o.Log, MaxBytes: limits.Journal, OnFull: func() { o.OnLimit("journal") }, OnCommit: compactor.Appended,
		}),
		rooms: map[store.RoomID]*entry{}, quarantined: map[store.RoomID]*quarantine{},
	}
}

// Open returns a room, loaded, and a release function to call once when the caller no
// longer uses it. Errors: ErrClosed, ErrMemory, ctx's, or that the stored document cannot
// be read. The next Open tries to read it again, but not if it is damaged
// (ErrQuarantined): then it is refused for some time.
func (h *Hub) Open(ctx context.Context, id store.RoomID) (r *Room, release func(), err error) {
	for {
		e, removed, err := h.acquire(id)
		switch {
		case err != nil:
			return nil, nil, err
		case removed != nil:
			select {
			case <-removed:
				continue
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		}
		release = sync.OnceFunc(func() { h.release(id, e) })
		select {
		case <-e.loaded:
		case <-ctx.Done():
			release()
			return nil, nil, ctx.Err()
		}
		if e.err != nil {
			release()
			return nil, nil, e.err
		}
		return e.room, release, nil
	}
}

// acquire returns the entry of a room with one more reference, and starts loading the room
// if there is none. If the room is unloading it returns the channel that is closed when it
// has been removed.
func (h *Hub) acquire(id store.RoomID) (e *entry, removed <-chan struct{}, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, nil, ErrClosed
	}
	e = h.rooms[id]
	if e != nil && e.unloading {
		return nil, e.removed, nil
	}
	if e == nil {
		if err := h.quarantineError(id); err != nil {
			return nil, nil, err
		}
		if err := h.freeMemory(); err != nil {
			return nil, nil, err
		}
		ctx, stop := context.WithCancel(context.Background())
		e = &entry{loaded: make(chan struct{}), removed: make(chan struct{}), stop: stop}
		h.rooms[id] = e
		h.wg.Add(1)
		go h.serve(ctx, id, e)
	}
	e.refs++
	h.markUsed(e)
	return e, nil, nil
}

// Loaded returns a room if it is loaded, without keeping it so.
func (h *Hub) Loaded(id store.RoomID) (*Room, bool) {
	h.mu.Lock()
	e := h.rooms[id]
	h.mu.Unlock()
	if e == nil {
		return nil, false
	}
	r := e.ready()
	return r, r != nil
}

// serve is a room's goroutine from loading to its end.
func (h *Hub) serve(ctx context.Context, id store.RoomID, e *entry) {
	defer h.wg.Done()
	defer e.stop()
	stored, err := load(ctx, h.store, id)
	if err != nil {
		err = h.quarantineIfDamaged(id, err)
		if ctx.Err() == nil {
			h.log.Error("room: a room cannot be loaded", "room", id, "err", err)
		}
		e.err = err
		h.remove(id, e)
		close(e.loaded)
		return
	}
	h.liftQuarantine(id)
	e.room = newRoom(id, stored, h)
	_, trouble := h.journal.Health()
	e.room.setStorage(trouble)
	close(e.loaded)
	if err = e.room.run(ctx); err != nil {
		_ = h.quarantineIfDamaged(id, err) // its peers have been closed
	}
	unloaded := err == nil && ctx.Err() != nil // and did not end by itself
	h.remove(id, e)
	if unloaded {
		h.compactor.Unloaded(id, e.room.logSize)
	}
}

// remove takes an entry out of the hub.
func (h *Hub) remove(id store.RoomID, e *entry) {
	h.mu.Lock()
	h.markUsed(e)
	delete(h.rooms, id)
	h.mu.Unlock()
	close(e.removed)
}

// release gives back a reference. A room that nobody uses is unloaded after Idle.
func (h *Hub) release(id store.RoomID, e *entry) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.refs--
	if e.refs > 0 || h.closed || h.rooms[id] != e {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(h.idle, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		if e.timer == timer && e.refs == 0 && !e.unloading {
			h.unload(e)
		}
	})
	e.timer, e.unused = timer, h.unused.PushBack(e)
	if h.unused.Len() > h.limits.Warm {
		h.onLimit("warm-rooms")
		h.unload(h.unused.Front().Value.(*entry))
	}
}

// unload ends a room that nobody uses. mu is held.
func (h *Hub) unload(e *entry) {
	h.markUsed(e)
	e.unloading = true
	e.stop()
}

// markUsed takes an entry out of the unused rooms, if it is there. mu is held.
func (h *Hub) markUsed(e *entry) {
	if e.timer != nil {
		e.timer.Stop()
		h.unused.Remove(e.unused)
		e.timer, e.unused = nil, nil
	}
}

// Stop ends compaction: the server is about to close. It does not wait.
func (h *Hub) Stop() { h.compactor.Stop() }

// Close ends all rooms after what they have accepted is durable, or when ctx ends. Peers
// should have been closed before. A store that does not answer may leave goroutines behind,
// which end when it is closed; the error says so.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.compactor.Stop()
	entries := make([]*entry, 0, len(h.rooms))
	for _, e := range h.rooms {
		e.unloading = true
		h.markUsed(e)
		entries = append(entries, e)
	}
	h.mu.Unlock()
	for _, e := range entries {
		e.stop()
	}
	ended := make(chan struct{})
	go func() { h.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		// The store does not answer. That the journal gives up lets the rooms end.
	}
	err := h.journal.Close(ctx)
	return errors.Join(err, waitFor(ctx, ended), h.compactor.Close(ctx))
}

// endGrace is how long a goroutine may take to end after the context of a Close has ended.
const endGrace = time.Second

// waitFor waits until done is closed, or until endGrace after ctx has ended: then it
// returns journal.ErrStalled.
func waitFor(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(endGrace)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return journal.ErrStalled
	}
}
