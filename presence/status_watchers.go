package presence

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// StatusWatch is a list of people that somebody follows. Safe for concurrent use.
type StatusWatch interface {
	// Add follows more people; those followed already are told again.
	Add(users ...string)
	// Remove ends following some.
	Remove(users ...string)
	// Stop ends following all. It waits until no call is under way.
	Stop()
}

const (
	// followRest is how long changes gather after some were told.
	followRest = 50 * time.Millisecond
	// followAgain is after how long somebody is looked at again of whom nothing
	// was known for sure.
	followAgain = time.Second
	followBatch = 250 // people
)

// StatusWatchers tell those who follow people how these are, for trackers to build on:
// the tracker says whose status may have changed, they look and tell what has. Safe
// for concurrent use.
type StatusWatchers struct {
	look    func(users []string) map[string]UserStatus
	concern func(user string)
	stop    context.CancelFunc
	done    sync.WaitGroup
	ready   chan struct{} // capacity 1: somebody is dirty

	mu     sync.Mutex
	people map[string]*followed
	dirty  []string // people to look at, each once
	unsure []string // people to look at again later, some of them more than once
}

type followed struct {
	told  UserStatus
	known bool // told is set
	dirty bool
	// by has those who follow, and whether they have been told.
	by map[*following]bool
}

type following struct {
	f       *StatusWatchers
	calling sync.Mutex // held while fn runs
	stopped bool       // guarded by calling
	fn      func(map[string]UserStatus)
	users   map[string]bool // guarded by f.mu; nil: stopped
}

// NewStatusWatchers starts the one goroutine that looks and calls; Close it. look
// returns how people are, without those of whom that is not known for sure: they
// are looked at again a second later. concern is called when somebody may be
// followed for the first time, or no more; it may ask Follows. It may be nil.
func NewStatusWatchers(look func(users []string) map[string]UserStatus, concern func(user string)) *StatusWatchers {
	ctx, stop := context.WithCancel(context.Background())
	f := &StatusWatchers{look: look, concern: concern, stop: stop, ready: make(chan struct{}, 1), people: map[string]*followed{}}
	f.done.Go(func() { f.run(ctx) })
	return f
}

// Follow begins an empty list. fn is called with what has changed, from the one
// goroutine.
func (f *StatusWatchers) Watch(fn func(map[string]UserStatus)) StatusWatch {
	return &following{f: f, fn: fn, users: map[string]bool{}}
}

// Follows tells whether anybody follows the person.
func (f *StatusWatchers) IsWatched(user string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.people[user] != nil
}

// Changed says that a person's status may be another. It never waits.
func (f *StatusWatchers) Changed(user string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touch(user)
}

// ChangedAll says so of everybody.
func (f *StatusWatchers) ChangedAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for user := range f.people {
		f.touch(user)
	}
}

func (f *StatusWatchers) touch(user string) {
	if p := f.people[user]; p != nil && !p.dirty {
		p.dirty = true
		f.dirty = append(f.dirty, user)
		signal(f.ready)
	}
}

// Close ends the goroutine and waits for it.
func (f *StatusWatchers) Close() {
	f.stop()
	f.done.Wait()
}

// Add implements StatusWatch.
func (l *following) Add(users ...string) {
	f := l.f
	for _, user := range users {
		f.mu.Lock()
		if l.users == nil { // stopped
			f.mu.Unlock()
			return
		}
		p := f.people[user]
		first := p == nil
		if first {
			p = &followed{by: map[*following]bool{}}
			f.people[user] = p
		}
		p.by[l], l.users[user] = false, true
		f.touch(user)
		f.mu.Unlock()
		if first && f.concern != nil {
			f.concern(user)
		}
	}
}

// Remove implements StatusWatch.
func (l *following) Remove(users ...string) {
	f := l.f
	for _, user := range users {
		f.mu.Lock()
		delete(l.users, user)
		last := false
		if p := f.people[user]; p != nil {
			delete(p.by, l)
			if last = len(p.by) == 0; last {
				delete(f.people, user)
			}
		}
		f.mu.Unlock()
		if last && f.concern != nil {
			f.concern(user)
		}
	}
}

// Stop implements StatusWatch.
func (l *following) Stop() {
	l.f.mu.Lock()
	mine := slices.Collect(maps.Keys(l.users))
	l.users = nil
	l.f.mu.Unlock()
	l.Remove(mine...)
	l.calling.Lock()
	l.stopped = true
	l.calling.Unlock()
}

func (f *StatusWatchers) run(ctx context.Context) {
	again := time.NewTicker(followAgain)
	defer again.Stop()
	rest := time.NewTimer(0)
	defer rest.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.ready:
		case <-again.C:
			f.retry()
			continue
		}
		for f.round() && ctx.Err() == nil {
		}
		rest.Reset(followRest)
		select {
		case <-ctx.Done():
			return
		case <-rest.C:
		}
	}
}

func (f *StatusWatchers) retry() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, user := range f.unsure {
		f.touch(user)
	}
	f.unsure = nil
}

// round looks at some of the dirty people.
func (f *StatusWatchers) round() (more bool) {
	f.mu.Lock()
	n := min(followBatch, len(f.dirty))
	users := f.dirty[:n:n]
	f.dirty = f.dirty[n:]
	more = len(f.dirty) > 0
	for _, user := range users {
		if p := f.people[user]; p != nil {
			p.dirty = false
		}
	}
	f.mu.Unlock()
	if n == 0 {
		return false
	}
	all := f.look(users)

	news := map[*following]map[string]UserStatus{}
	f.mu.Lock()
	for _, user := range users {
		p := f.people[user]
		if p == nil {
			continue
		}
		seen, sure := all[user]
		if !sure {
			f.unsure = append(f.unsure, user)
			continue
		}
		same := p.known && p.told.equal(seen)
		p.told, p.known = seen, true
		for l, told := range p.by {
			if told && same {
				continue
			}
			p.by[l] = true
			if news[l] == nil {
				news[l] = map[string]UserStatus{}
			}
			news[l][user] = seen
		}
	}
	f.mu.Unlock()
	for l, seen := range news {
		l.call(seen)
	}
	return more
}

func (l *following) call(seen map[string]UserStatus) {
	l.calling.Lock()
	defer l.calling.Unlock()
	if !l.stopped {
		l.fn(seen)
	}
}

func (s UserStatus) equal(other UserStatus) bool {
	same := s.LastSeen == other.LastSeen ||
		s.LastSeen != nil && other.LastSeen != nil && s.LastSeen.Equal(*other.LastSeen)
	return same && s.Status == other.Status && s.Devices == other.Devices
}
