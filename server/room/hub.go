package room

import (
	"container/list"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weft/server/store"
)

// ErrClosed says that the hub is closing: come back later.
var ErrClosed = errors.New("room: the server is stopping")

// Hub opens and closes rooms. Safe for concurrent use.
type Hub struct {
	store   store.Store
	journal *Journal
	folder  *Folder
	log     *slog.Logger
	idle    time.Duration

	limits Limits
	hit    func(limit string)
	memory atomic.Int64 // bytes that all rooms take, as of their last tick
	caught caughtUp

	wg sync.WaitGroup // the rooms' goroutines

	mu          sync.Mutex // never held while calling a room or the store
	rooms       map[store.RoomID]*entry
	warm        list.List // of *entry: nobody is in them, left longest ago first
	quarantined map[store.RoomID]*quarantine
	closed      bool
}

// entry is a room from the first wish for it to its end:
//
//	loading → ready → unloading → (gone)
//	loading → failed → (gone)
type entry struct {
	loaded chan struct{} // closed when loading has ended; then room or err is set
	room   *Room
	err    error
	stop   context.CancelFunc // ends loading, and the room

	// Guarded by Hub.mu.
	refs      int
	timer     *time.Timer   // unloads when it fires; nil while refs > 0
	warm      *list.Element // in Hub.warm, while timer is set
	unloading bool          // no new references; wait for gone and ask again
	gone      chan struct{} // closed when it is out of the map
}

// HubOptions of a Hub.
type HubOptions struct {
	Store store.Store
	Log   *slog.Logger
	// Idle is how long a room stays loaded after its last peer has left; 0
	// means 60 s: the warm window, in which coming back costs no loading.
	Idle time.Duration
	// Limits; 0 in any of them means its default.
	Limits Limits
	// OnLimit is called with the name of a limit each time that it is hit, with locks
	// held. nil: nobody counts.
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
	limits := o.Limits.filled()
	folder := NewFolder(o.Store, o.Log)
	return &Hub{
		store: o.Store, log: o.Log, idle: o.Idle, limits: limits, hit: o.OnLimit, folder: folder,
		journal: NewJournal(JournalOptions{
			Store: o.Store, Log: o.Log, Most: limits.Journal, Over: func() { o.OnLimit("journal") }, Appended: folder.Appended,
		}),
		rooms: map[store.RoomID]*entry{}, quarantined: map[store.RoomID]*quarantine{},
	}
}

// Open returns the room, loaded, and a release to be called once when it is no
// longer needed. Opening fails if the stored document cannot be read; the next
// Open tries again, unless it is damaged (ErrQuarantined): then one some time
// later does.
func (h *Hub) Open(ctx context.Context, id store.RoomID) (r *Room, release func(), err error) {
	for {
		h.mu.Lock()
		if h.closed {
			h.mu.Unlock()
			return nil, nil, ErrClosed
		}
		e := h.rooms[id]
		if e != nil && e.unloading {
			gone := e.gone
			h.mu.Unlock()
			select {
			case <-gone:
				continue
			case <-ctx.Done():
				return nil, nil, ctx.Err()
			}
		}
		if e == nil {
			if err := h.inQuarantine(id); err != nil {
				h.mu.Unlock()
				return nil, nil, err
			}
			if err := h.makeRoom(); err != nil {
				h.mu.Unlock()
				return nil, nil, err
			}
			life, stop := context.WithCancel(context.Background())
			e = &entry{loaded: make(chan struct{}), gone: make(chan struct{}), stop: stop}
			h.rooms[id] = e
			h.wg.Add(1)
			go h.serve(life, id, e)
		}
		e.refs++
		h.used(e)
		h.mu.Unlock()

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

// Loaded returns the room if it is open and ready, without keeping it so.
func (h *Hub) Loaded(id store.RoomID) (*Room, bool) {
	h.mu.Lock()
	e := h.rooms[id]
	h.mu.Unlock()
	if e == nil {
		return nil, false
	}
	select {
	case <-e.loaded:
		return e.room, e.err == nil
	default:
		return nil, false
	}
}

// serve is a room's goroutine from loading to its end.
func (h *Hub) serve(ctx context.Context, id store.RoomID, e *entry) {
	defer h.wg.Done()
	defer e.stop()
	stored, err := load(ctx, h.store, id)
	if err != nil {
		err = h.judge(id, err)
		if ctx.Err() == nil {
			h.log.Error("a room could not be loaded", "room", id, "err", err)
		}
		h.mu.Lock()
		h.used(e)
		e.err = err
		delete(h.rooms, id)
		h.mu.Unlock()
		close(e.loaded)
		close(e.gone)
		return
	}
	h.sound(id)
	e.room = newRoom(id, stored, h)
	_, trouble := h.journal.health()
	e.room.health(trouble)
	close(e.loaded)
	if err = e.room.run(ctx); err != nil {
		_ = h.judge(id, err) // its peers have been told
	}
	sound := err == nil && ctx.Err() != nil // it has not ended by itself

	h.mu.Lock()
	h.used(e)
	delete(h.rooms, id)
	h.mu.Unlock()
	close(e.gone)
	if sound {
		h.folder.Left(id, e.room.unfolded)
	}
}

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
	e.timer, e.warm = timer, h.warm.PushBack(e)
	if h.warm.Len() > h.limits.Warm {
		h.hit("warm-rooms")
		h.unload(h.warm.Front().Value.(*entry))
	}
}

// unload closes a room that nobody is in. mu is held.
func (h *Hub) unload(e *entry) {
	h.used(e)
	e.unloading = true
	e.stop()
}

// used takes a room out of those that nobody is in. mu is held.
func (h *Hub) used(e *entry) {
	if e.timer != nil {
		e.timer.Stop()
		h.warm.Remove(e.warm)
		e.timer, e.warm = nil, nil
	}
}

// Backlog returns how many bytes of updates are not on disk yet, and for how long the
// oldest of them has not been.
func (h *Hub) Backlog() (bytes int, age time.Duration) { return h.journal.backlog() }

// Stop has nothing folded any more: the server is about to close.
func (h *Hub) Stop() { h.folder.Stop() }

// Close ends all rooms, after what they have accepted is on disk, or when ctx
// ends. Peers should have been closed before. A store that does not answer may
// leave goroutines behind, which end when it is closed.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.folder.Stop()
	open := make([]*entry, 0, len(h.rooms))
	for _, e := range h.rooms {
		e.unloading = true
		h.used(e)
		open = append(open, e)
	}
	h.mu.Unlock()
	for _, e := range open {
		e.stop()
	}
	ended := make(chan struct{})
	go func() { h.wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		// The store does not answer: giving the journal up releases the rooms.
	}
	err := h.journal.Close(ctx)
	return errors.Join(err, await(ctx, ended), h.folder.Close(ctx))
}

// lastWait is how long a goroutine may take to end once it has been released.
const lastWait = time.Second

// await waits until done, or until ctx ends and lastWait is over.
func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(lastWait)
	defer timer.Stop()
	select {
	case <-done:
		return nil
	case <-timer.C:
		return ErrStalled
	}
}
