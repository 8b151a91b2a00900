package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"weft/presence"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/room"
	"weft/server/room/feed"
	"weft/server/store"
	"weft/server/wire"
)

// recordingPeer is a peer that records when it first receives a presence event about each
// person.
type recordingPeer struct {
	mu      sync.Mutex
	seen    map[string]time.Time // by user id
	changed chan struct{}        // closed and replaced when seen grows
}

func (w *recordingPeer) Echoes() bool                 { return false }
func (w *recordingPeer) Wake(*feed.Reader)            {}
func (w *recordingPeer) Acked(uint64)                 {}
func (w *recordingPeer) Refused()                     {}
func (w *recordingPeer) Close(wire.CloseCode, string) {}
func (w *recordingPeer) Deliver(room.Class, []byte)   {}
func (w *recordingPeer) DeliverEvent(e *event.Encoded) {
	now := time.Now()
	presence, ok := e.Event().(event.Presence)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range presence.Joins {
		if _, seen := w.seen[p.ID]; !seen {
			w.seen[p.ID] = now
			close(w.changed)
			w.changed = make(chan struct{})
		}
	}
}

// waitForUser waits until a presence event about the user has arrived, and returns when
// the first one arrived.
func (w *recordingPeer) waitForUser(ctx context.Context, user string) (time.Time, error) {
	for {
		w.mu.Lock()
		at, seen := w.seen[user]
		changed := w.changed
		w.mu.Unlock()
		if seen {
			return at, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// pause waits for d. It is for times that are part of the benchmark: the latency of a
// network, and the pause before the join that is measured under load. It is not for
// waiting until something has happened.
func pause(d time.Duration) { <-time.After(d) }

// delayRedis returns the URL of a proxy of the Redis at url that delays each direction.
func delayRedis(b *testing.B, url string, delay time.Duration) string {
	path := filepath.Join(b.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	type chunk struct {
		at   time.Time // when to forward it
		data []byte
	}
	forward := func(to, from net.Conn) {
		queue := make(chan chunk, 10_000)
		go func() {
			defer close(queue)
			for {
				buf := make([]byte, 64<<10)
				n, err := from.Read(buf)
				if n > 0 {
					queue <- chunk{time.Now().Add(delay), buf[:n]}
				}
				if err != nil {
					return
				}
			}
		}()
		for c := range queue {
			pause(time.Until(c.at))
			if _, err := to.Write(c.data); err != nil && err != io.EOF {
				from.Close()
			}
		}
		to.Close()
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("unix", strings.TrimPrefix(url, "unix://"))
			if err != nil {
				near.Close()
				return
			}
			go forward(far, near)
			go forward(near, far)
		}
	}()
	return "unix://" + path
}

// BenchmarkPresenceOfManyRooms measures how long it takes until presence events arrive. A
// person joins each of many new rooms at once, and meanwhile a room whose people the node
// already follows. It reports the median and the maximum over the new rooms, and the
// maximum of the followed room, in milliseconds.
func BenchmarkPresenceOfManyRooms(b *testing.B) {
	for _, setup := range []string{"one node", "Redis", "Redis, 200 ms away"} {
		for _, rooms := range []int{100, 1000, 4000} {
			b.Run(fmt.Sprint(setup, "/", rooms), func(b *testing.B) {
				c := Config{Data: b.TempDir()}
				if setup != "one node" {
					c.Redis = startRedis(b).url
				}
				if setup == "Redis, 200 ms away" {
					c.Redis = delayRedis(b, c.Redis, 100*time.Millisecond)
				}
				s, err := New(c)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				(&presenceBench{b, s}).measureJoins(rooms)
			})
		}
	}
}

// presenceBench is the server of a benchmark.
type presenceBench struct {
	b *testing.B
	*Server
}

// measureJoins measures the joins of so many rooms; see BenchmarkPresenceOfManyRooms.
func (p *presenceBench) measureJoins(rooms int) {
	b := p.b
	followed := p.openRoom("followed")
	if _, err := p.people.People(b.Context(), "followed"); err != nil {
		b.Fatal(err)
	}
	var each, ofFollowed []time.Duration
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		user := fmt.Sprint("u", n)
		peers := make([]*recordingPeer, rooms)
		for i := range peers {
			peers[i] = p.openRoom(fmt.Sprintf("%d-%d", n, i))
		}
		b.StartTimer()
		begun := make([]time.Time, rooms)
		var all sync.WaitGroup
		for i := range peers {
			all.Go(func() { begun[i] = p.join(fmt.Sprintf("%d-%d", n, i), user) })
		}
		pause(20 * time.Millisecond) // so that the other joins are in progress
		joined := p.join("followed", user)
		ofFollowed = append(ofFollowed, p.latency(followed, user, joined))
		all.Wait()
		for i, w := range peers {
			each = append(each, p.latency(w, user, begun[i]))
		}
	}
	slices.Sort(each)
	b.ReportMetric(float64(each[len(each)/2].Microseconds())/1000, "ms-median")
	b.ReportMetric(float64(each[len(each)-1].Microseconds())/1000, "ms-last")
	b.ReportMetric(float64(slices.Max(ofFollowed).Microseconds())/1000, "ms-followed-last")
}

// join adds a person to a room's presence, and returns when it began to.
func (p *presenceBench) join(id, user string) (begun time.Time) {
	begun = time.Now()
	_, err := p.people.Join(p.b.Context(), presence.Member{Room: id, Conn: id + user, User: user, Name: "Somebody"})
	if err != nil {
		p.b.Error(err)
	}
	return begun
}

// openRoom opens a room with one peer.
func (p *presenceBench) openRoom(id string) *recordingPeer {
	r, release, err := p.hub.Open(p.b.Context(), store.RoomID(id))
	if err != nil {
		p.b.Fatal(err)
	}
	p.b.Cleanup(release)
	w := &recordingPeer{seen: map[string]time.Time{}, changed: make(chan struct{})}
	if err := r.Join(w, room.PeerInfo{Role: auth.Read}); err != nil {
		p.b.Fatal(err)
	}
	return w
}

// latency waits until the peer has received the user's presence, and returns how long after
// joined that was.
func (p *presenceBench) latency(w *recordingPeer, user string, joined time.Time) time.Duration {
	at, err := w.waitForUser(p.b.Context(), user)
	if err != nil {
		p.b.Fatal(err)
	}
	return at.Sub(joined)
}
