package server

import (
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

// witness is a peer that takes note of when its room is told of somebody.
type recordingPeer struct {
	mu   sync.Mutex
	seen map[string]time.Time // by id
}

func (w *recordingPeer) Echoes() bool                 { return false }
func (w *recordingPeer) Wake(*feed.Reader)            {}
func (w *recordingPeer) Acked(uint64)                 {}
func (w *recordingPeer) Refused()                     {}
func (w *recordingPeer) Close(wire.CloseCode, string) {}
func (w *recordingPeer) Deliver(room.Class, []byte)   {}
func (w *recordingPeer) DeliverEvent(e *event.Encoded) {
	now := time.Now()
	told, ok := e.Event().(event.Presence)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range told.Joins {
		if _, again := w.seen[p.ID]; !again {
			w.seen[p.ID] = now
		}
	}
}

func (w *recordingPeer) firstSeen(id string) (time.Time, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, ok := w.seen[id]
	return at, ok
}

// distant is Redis behind a line that takes that long each way.
func delayRedis(b *testing.B, url string, delay time.Duration) string {
	path := filepath.Join(b.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	type chunk struct {
		at   time.Time
		data []byte
	}
	pipe := func(to, from net.Conn) {
		line := make(chan chunk, 10_000)
		go func() {
			defer close(line)
			for {
				buf := make([]byte, 64<<10)
				n, err := from.Read(buf)
				if n > 0 {
					line <- chunk{time.Now().Add(delay), buf[:n]}
				}
				if err != nil {
					return
				}
			}
		}()
		for c := range line {
			<-time.After(time.Until(c.at))
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
			go pipe(far, near)
			go pipe(near, far)
		}
	}()
	return "unix://" + path
}

// BenchmarkPresenceOfManyRooms: somebody comes to each of many rooms at once, and to
// one more that was followed before. How long until each of the rooms is told (median
// and last), and until the one more is.
func BenchmarkPresenceOfManyRooms(b *testing.B) {
	for _, at := range []string{"one node", "Redis", "Redis, 200 ms away"} {
		for _, rooms := range []int{100, 1000, 4000} {
			b.Run(fmt.Sprint(at, "/", rooms), func(b *testing.B) {
				c := Config{Data: b.TempDir()}
				if at != "one node" {
					c.Redis = startRedis(b).url
				}
				if at == "Redis, 200 ms away" {
					c.Redis = delayRedis(b, c.Redis, 100*time.Millisecond)
				}
				s, err := New(c)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				come := func(id, user string) (time.Time, error) {
					begun := time.Now()
					_, err := s.people.Join(b.Context(), presence.Member{Room: id, Conn: id + user, User: user, Name: "Somebody"})
					return begun, err
				}
				enter := func(id string) *recordingPeer {
					r, release, err := s.hub.Open(b.Context(), store.RoomID(id))
					if err != nil {
						b.Fatal(err)
					}
					b.Cleanup(release)
					w := &recordingPeer{seen: map[string]time.Time{}}
					if err := r.Join(w, room.PeerInfo{Role: auth.Read}); err != nil {
						b.Fatal(err)
					}
					return w
				}
				told := func(w *recordingPeer, id string) time.Time {
					for {
						if at, ok := w.firstSeen(id); ok {
							return at
						}
						<-time.After(time.Millisecond)
					}
				}
				calm := enter("calm")
				if _, err := s.people.People(b.Context(), "calm"); err != nil {
					b.Fatal(err)
				}
				var each, one []time.Duration
				for n := 0; b.Loop(); n++ {
					b.StopTimer()
					user := fmt.Sprint("u", n)
					watch := make([]*recordingPeer, rooms)
					for i := range watch {
						watch[i] = enter(fmt.Sprintf("%d-%d", n, i))
					}
					b.StartTimer()
					begun := make([]time.Time, rooms)
					var all sync.WaitGroup
					for i := range watch {
						all.Go(func() {
							var err error
							if begun[i], err = come(fmt.Sprintf("%d-%d", n, i), user); err != nil {
								b.Error(err)
							}
						})
					}
					<-time.After(20 * time.Millisecond)
					calmly, err := come("calm", user)
					if err != nil {
						b.Error(err)
					}
					one = append(one, told(calm, user).Sub(calmly))
					all.Wait()
					for i, w := range watch {
						each = append(each, told(w, user).Sub(begun[i]))
					}
				}
				slices.Sort(each)
				b.ReportMetric(float64(each[len(each)/2].Microseconds())/1000, "ms-median")
				b.ReportMetric(float64(each[len(each)-1].Microseconds())/1000, "ms-last")
				b.ReportMetric(float64(slices.Max(one).Microseconds())/1000, "ms-calm-last")
			})
		}
	}
}
