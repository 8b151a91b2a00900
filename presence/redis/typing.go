package redis

import (
	"context"
	"encoding/base64"
	"strings"

	"weft/presence"
)

// Who types is told on the channel of the room and kept nowhere: as
// "NODE place marks", where place is base64url of the thread, or "-".

// PublishTyping tells other nodes who types here. It does not wait: while Redis is
// away, what it was given is dropped, and of one place only the latest waits.
func (t *Tracker) PublishTyping(p presence.Place, marks []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || t.degraded {
		return
	}
	if t.typing == nil {
		t.typing = map[presence.Place][]byte{}
	}
	t.typing[p] = marks
	signal(t.typeNow)
}

// publish tells what PublishTyping left.
func (t *Tracker) publish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.typeNow:
		}
		t.mu.Lock()
		waiting, node := t.typing, t.node
		t.typing = nil
		t.mu.Unlock()
		if len(waiting) == 0 {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, t.o.Timeout)
		pipe := t.client.Pipeline()
		for p, marks := range waiting {
			thread := "-"
			if p.Thread != "" {
				thread = encode(p.Thread)
			}
			pipe.Publish(limited, t.keys.room(p.Room), node+" "+thread+" "+string(marks))
		}
		_, _ = pipe.Exec(limited) // the lease finds out, and all is told again
		cancel()
	}
}

// heardTyping takes what another node told; anything else is passed over.
func (t *Tracker) heardTyping(channel, payload string) {
	parts := strings.SplitN(payload, " ", 3)
	if len(parts) != 3 || t.o.OnTyping == nil {
		return
	}
	t.mu.Lock()
	r, own := t.byKey[channel], parts[0] == t.node || t.mine[parts[0]]
	t.mu.Unlock()
	if r == nil || own {
		return
	}
	p := presence.Place{Room: r.name}
	if parts[1] != "-" {
		thread, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			return
		}
		p.Thread = string(thread)
	}
	t.o.OnTyping(p, parts[0], []byte(parts[2]))
}
