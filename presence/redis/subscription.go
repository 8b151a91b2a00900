package redis

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
	"weft/presence/internal/signal"
)

const (
	// channelBatch is how many channels one command subscribes to.
	channelBatch = 500
	// pingAfter is the silence after which the connection is tested, and again
	// after each further one; after maxSilences it is replaced.
	pingAfter   = 3 * time.Second
	maxSilences = 2
	// receiveRetry is the pause after a failed receive. go-redis connects again by
	// itself with the next receive. The pause does not grow: a node has one such
	// connection, and how soon Redis is found again counts.
	receiveRetry = 200 * time.Millisecond
)

// subscription is the one pub/sub connection of a node. Its goroutine is run; the
// reader's goroutine calls update. The channel of the nodes, which nobody
// publishes on, shows when the connection was established again: Redis then
// confirms it a second time, and messages may have been missed.
type subscription struct {
	o        Options
	keys     keys
	client   *goredis.Client
	statuses *presence.StatusWatchers
	receive  func(message any) // called by run with no lock held
	updates  signal.Signal     // channels have changed; the reader waits for it

	mu        sync.Mutex
	closed    bool
	pubsub    *goredis.PubSub
	confirmed bool              // the channel of the nodes was confirmed once
	wanted    map[string]string // channel → user id; "" for the channel of a room
	changed   map[string]bool   // channels to subscribe to or to unsubscribe from
}

func newSubscription(o Options, keys keys, client *goredis.Client, updates signal.Signal, receive func(any)) *subscription {
	return &subscription{
		o: o, keys: keys, client: client, receive: receive, updates: updates,
		wanted: map[string]string{}, changed: map[string]bool{},
	}
}

// open subscribes to the channel of the nodes. It must be called once, before run.
func (s *subscription) open(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pubsub = s.client.Subscribe(ctx, s.keys.nodes())
}

// close closes the connection, which ends run's receive.
func (s *subscription) close() error {
	s.mu.Lock()
	s.closed = true
	pubsub := s.pubsub
	s.mu.Unlock()
	return pubsub.Close()
}

// add subscribes to the channel of a room, soon.
func (s *subscription) add(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wanted[channel] = ""
	s.setChanged(channel)
}

// remove unsubscribes from a channel, soon.
func (s *subscription) remove(channel string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.wanted, channel)
	s.setChanged(channel)
}

// watchUser subscribes to the channel of a person while somebody watches their
// status, and unsubscribes afterwards.
func (s *subscription) watchUser(user string) {
	channel := s.keys.user(user)
	s.mu.Lock()
	defer s.mu.Unlock()
	_, subscribed := s.wanted[channel]
	switch watched := s.statuses.IsWatched(user); {
	case watched && !subscribed:
		s.wanted[channel] = user
		s.setChanged(channel)
	case !watched && subscribed:
		delete(s.wanted, channel)
		s.setChanged(channel)
	}
}

// setChanged needs mu.
func (s *subscription) setChanged(channel string) {
	s.changed[channel] = true
	s.updates.Set()
}

// userOf returns the user whose channel it is; ok is false for the channels of
// rooms and unknown channels.
func (s *subscription) userOf(channel string) (user string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	user, wanted := s.wanted[channel]
	return user, wanted && channel == s.keys.user(user)
}

// confirmation says what Redis' answer to a SUBSCRIBE means.
type confirmation int

const (
	channelConfirmed        confirmation = iota
	channelEstablishedAgain              // the connection was lost in between
)

// confirm takes note that Redis has confirmed a channel.
func (s *subscription) confirm(channel string) confirmation {
	if channel != s.keys.nodes() {
		return channelConfirmed
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.confirmed {
		return channelEstablishedAgain
	}
	s.confirmed = true
	return channelConfirmed
}

// update subscribes to and unsubscribes from the channels that have changed. An
// error shows in run too, which then subscribes to all channels again.
func (s *subscription) update(ctx context.Context) {
	s.mu.Lock()
	pubsub := s.pubsub
	var add, remove []string
	for channel := range s.changed {
		if _, wanted := s.wanted[channel]; wanted {
			add = append(add, channel)
		} else {
			remove = append(remove, channel)
		}
	}
	clear(s.changed)
	s.mu.Unlock()
	for ; len(remove) > 0; remove = remove[min(channelBatch, len(remove)):] {
		_ = pubsub.Unsubscribe(ctx, remove[:min(channelBatch, len(remove))]...)
	}
	for ; len(add) > 0; add = add[min(channelBatch, len(add)):] {
		_ = pubsub.Subscribe(ctx, add[:min(channelBatch, len(add))]...)
	}
}

// run receives messages until ctx ends. A connection that stays silent although it
// is pinged is replaced.
func (s *subscription) run(ctx context.Context) {
	silences := 0
	for ctx.Err() == nil {
		s.mu.Lock()
		pubsub := s.pubsub
		s.mu.Unlock()
		message, err := pubsub.ReceiveTimeout(ctx, pingAfter)
		var network net.Error
		switch {
		case err == nil:
			silences = 0
			s.receive(message)
		case errors.As(err, &network) && network.Timeout():
			if silences++; silences > maxSilences {
				silences = 0
				s.reconnect(ctx)
			} else {
				_ = pubsub.Ping(ctx)
			}
		default:
			pause(ctx, receiveRetry)
		}
	}
}

// reconnect replaces the connection and subscribes to all channels again.
func (s *subscription) reconnect(ctx context.Context) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	old, pubsub := s.pubsub, s.client.Subscribe(ctx) // without channels this does not connect
	s.pubsub = pubsub
	for channel := range s.wanted {
		s.changed[channel] = true
	}
	s.mu.Unlock()
	_ = old.Close()
	_ = pubsub.Subscribe(ctx, s.keys.nodes())
	s.updates.Set()
}
