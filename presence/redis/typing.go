package redis

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"weft/presence"
	"weft/presence/internal/signal"
)

// typing publishes the typing marks of this node, on the channel of the room. Nothing is
// stored. Its goroutine is run. A message:
//
//	NODE ‖ space ‖ thread ‖ space ‖ marks
//	               │                └ JSON, see presence.Typing.SetPublisher
//	               └ base64url of the thread; "-": the room itself
//
// The queue keeps the latest marks of each place where somebody types. It is
// emptied when the node becomes degraded: presence.Typing repeats its marks every
// second.
type typing struct {
	o      Options
	keys   keys
	client *goredis.Client
	lease  *lease
	wake   signal.Signal

	mu    sync.Mutex
	marks map[presence.Place][]byte
}

func newTyping(o Options, keys keys, client *goredis.Client, lease *lease) *typing {
	return &typing{o: o, keys: keys, client: client, lease: lease, wake: signal.New(), marks: map[presence.Place][]byte{}}
}

// enqueue has the marks of a place published. While the node is degraded, and
// after Close, it does nothing.
func (t *typing) enqueue(p presence.Place, marks []byte) {
	if t.lease.isDegraded() {
		return
	}
	t.mu.Lock()
	t.marks[p] = marks
	t.mu.Unlock()
	t.wake.Set()
}

// discard empties the queue.
func (t *typing) discard() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.marks)
}

// run publishes the queued marks until ctx ends.
func (t *typing) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		}
		t.mu.Lock()
		marks := t.marks
		t.marks = map[presence.Place][]byte{}
		t.mu.Unlock()
		if len(marks) > 0 {
			t.publish(ctx, marks)
		}
	}
}

// publish sends the marks in one exchange. Its error is ignored: the lease notices
// that Redis does not answer, and the marks are repeated within a second.
func (t *typing) publish(ctx context.Context, marks map[presence.Place][]byte) {
	ctx, cancel := context.WithTimeout(ctx, t.o.Timeout)
	defer cancel()
	node := t.lease.nodeID()
	pipe := t.client.Pipeline()
	for p, marks := range marks {
		thread := "-"
		if p.Thread != "" {
			thread = encode(p.Thread)
		}
		pipe.Publish(ctx, t.keys.room(p.Room), node+" "+thread+" "+string(marks))
	}
	_, _ = pipe.Exec(ctx)
}

// receiveTyping gives another node's marks to Options.OnTyping. Messages of this
// node and messages that cannot be parsed are ignored.
func (t *Tracker) receiveTyping(channel, payload string) {
	parts := strings.SplitN(payload, " ", 3)
	if len(parts) != 3 || t.o.OnTyping == nil || t.lease.isOwn(parts[0]) {
		return
	}
	room, ok := t.mirror.roomOf(channel)
	if !ok {
		return
	}
	p := presence.Place{Room: room}
	if parts[1] != "-" {
		thread, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			return
		}
		p.Thread = string(thread)
	}
	t.o.OnTyping(p, parts[0], []byte(parts[2]))
}
