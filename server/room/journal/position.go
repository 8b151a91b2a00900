package journal

import (
	"sync"

	"weft/server/internal/signal"
)

// A Position tells a room how many of its records are durable. All methods are safe for
// concurrent use.
type Position struct {
	onAdvance func()
	changed   signal.Signal
	failed    signal.Signal

	mu  sync.Mutex
	n   uint64
	err error
}

// NewPosition returns the position of a room that has no records yet. onAdvance is called
// after each Advance, on the journal's goroutine and without locks held; it must not block.
// nil: nothing is called.
func NewPosition(onAdvance func()) *Position {
	if onAdvance == nil {
		onAdvance = func() {}
	}
	return &Position{onAdvance: onAdvance, changed: signal.New(), failed: signal.New()}
}

// Durable returns how many of the room's records are on disk.
func (p *Position) Durable() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

// Err returns why no further record of the room will ever be durable, or nil: the store
// refuses the room's records, because the stored data of the room is damaged.
func (p *Position) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Changed returns the channel of the signal that is set when Durable or Err has changed.
func (p *Position) Changed() <-chan struct{} { return p.changed.C() }

// Failed returns the channel of the signal that is set once Err is not nil.
func (p *Position) Failed() <-chan struct{} { return p.failed.C() }

// Advance sets the number of durable records to n. The journal calls it after a commit.
func (p *Position) Advance(n uint64) {
	p.mu.Lock()
	p.n = n
	p.mu.Unlock()
	p.onAdvance()
	p.changed.Set()
}

func (p *Position) fail(err error) {
	p.mu.Lock()
	p.err = err
	p.mu.Unlock()
	p.changed.Set()
	p.failed.Set()
}
