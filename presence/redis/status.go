package redis

import (
	"cmp"
	"context"
	"errors"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
)

// statusBatch is how many people one exchange asks about.
const statusBatch = 250

// Status of people over all rooms.
func (t *Tracker) Status(ctx context.Context, users []string) (map[string]presence.UserStatus, error) {
	all := make(map[string]presence.UserStatus, len(users))
	for ; len(users) > 0; users = users[min(statusBatch, len(users)):] {
		if _, err := t.status(ctx, users[:min(statusBatch, len(users))], all); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// status puts how people are into all. It is sure unless something that other nodes
// know may be missing.
func (t *Tracker) status(ctx context.Context, users []string, all map[string]presence.UserStatus) (sure bool, err error) {
	t.mu.Lock()
	closed, degraded, epoch := t.closed, t.degraded, t.epoch
	sure = !degraded && !time.Now().Before(t.quiet) || t.hidden
	t.mu.Unlock()
	if closed {
		return false, presence.ErrClosed
	}
	nodes := make([]*goredis.MapStringStringCmd, len(users))
	seen := make([]*goredis.StringCmd, len(users))
	if !degraded {
		limited, cancel := context.WithTimeout(ctx, t.o.Timeout)
		defer cancel()
		pipe := t.client.Pipeline()
		for i, id := range users {
			nodes[i] = pipe.HGetAll(limited, t.keys.user(id))
			seen[i] = pipe.Get(limited, t.keys.seen(id))
		}
		now := pipe.Get(limited, t.keys.epoch()) // last, as in readSome
		if _, err := pipe.Exec(limited); err != nil && !errors.Is(err, goredis.Nil) {
			if ctx.Err() != nil {
				return false, ctx.Err()
			}
			degraded, sure = true, false // the lease will find out
		} else if now.Val() != epoch {
			sure = false
			t.doubt(epoch)
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, id := range users {
		s := presence.UserStatus{Status: presence.Offline}
		u := t.users[id]
		states := map[byte]int{} // how many nodes say so
		if u != nil && u.here() {
			s.Devices = len(u.conns)
			states[stateOf(u.status)]++
		}
		var left time.Time
		if u != nil {
			left = u.left
		}
		if !degraded {
			for node, value := range nodes[i].Val() {
				if node == t.node || t.mine[node] || t.dead[node] {
					continue
				}
				d := parseDevices(value)
				s.Devices += d.n
				states[stateOf(d.status)]++
			}
			if ms, err := seen[i].Int64(); err == nil && time.UnixMilli(ms).After(left) {
				left = time.UnixMilli(ms)
			}
		}
		s.Status = cmp.Or(best(states), presence.Offline)
		if s.Status == presence.Offline && !left.IsZero() {
			left = left.UTC().Truncate(time.Minute)
			s.LastSeen = &left
		}
		all[id] = s
	}
	return sure, nil
}

// doubt has the lease renewed, as Redis is not the one that had this epoch.
func (t *Tracker) doubt(epoch string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch == epoch {
		t.lost = true
		signal(t.renewNow)
	}
}

// Follow begins an empty list of people; see [presence.Tracker]. While Redis is
// away, and until the others have written everything again, people go on being told
// as they were, unless they come online.
func (t *Tracker) WatchStatus(fn func(map[string]presence.UserStatus)) presence.StatusWatch {
	return t.follow.Watch(fn)
}

// look is Status without those of whom it is not sure.
func (t *Tracker) look(ctx context.Context, users []string) map[string]presence.UserStatus {
	all := make(map[string]presence.UserStatus, len(users))
	sure, err := t.status(ctx, users, all)
	if err != nil {
		return nil
	}
	for id, seen := range all {
		if !sure && seen.Status != presence.Online {
			delete(all, id)
		}
	}
	return all
}

// concern subscribes to what is said of a person, as long as somebody follows them.
func (t *Tracker) concern(user string) {
	key := t.keys.user(user)
	t.mu.Lock()
	defer t.mu.Unlock()
	_, had := t.followed[key]
	switch follows := t.follow.IsWatched(user); {
	case follows && !had:
		t.followed[key] = user
		t.join = append(t.join, key)
		signal(t.readNow)
	case !follows && had:
		delete(t.followed, key)
		t.part = append(t.part, key)
		signal(t.readNow)
	}
}

// wants tells whether a channel is to be heard. Under mu.
func (t *Tracker) wants(key string) bool {
	_, followed := t.followed[key]
	return followed || t.byKey[key] != nil
}
