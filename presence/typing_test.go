package presence_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weft/presence"
)

// typingLog records the calls of onChange as lists of ids: "ana ben ".
type typingLog struct {
	mu    sync.Mutex
	calls []string
}

func (l *typingLog) change(_ presence.Place, users []presence.Typist) {
	line := ""
	for _, u := range users {
		line += u.ID + " "
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.calls = append(l.calls, line)
}

func (l *typingLog) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.calls, want) {
		t.Errorf("onChange was called with %q, want %q", l.calls, want)
	}
	l.calls = nil
}

func withTyping(t *testing.T, test func(t *testing.T, typing *presence.Typing, log *typingLog)) {
	synctest.Test(t, func(t *testing.T) {
		log := &typingLog{}
		typing := presence.NewTyping(0, log.change)
		defer typing.Close()
		test(t, typing, log)
	})
}

var (
	ana = presence.Typist{ID: "ana", Name: "Ana"}
	ben = presence.Typist{ID: "ben", Name: "Ben"}
)

func TestTypingMarkExpires(t *testing.T) {
	withTyping(t, func(t *testing.T, typing *presence.Typing, log *typingLog) {
		typing.Set(presence.Place{Room: "r"}, "1", ana)
		log.expect(t, "ana ")
		time.Sleep(4 * time.Second)
		typing.Set(presence.Place{Room: "r"}, "1", ana) // renewed: no change
		typing.Set(presence.Place{Room: "r"}, "2", ben)
		log.expect(t, "ana ben ")
		time.Sleep(presence.TypingTTL - time.Nanosecond)
		log.expect(t)
		time.Sleep(time.Nanosecond)
		log.expect(t, "")
		time.Sleep(time.Hour)
		log.expect(t)
	})
}

func TestTypingHasOneEntryPerPerson(t *testing.T) {
	withTyping(t, func(t *testing.T, typing *presence.Typing, log *typingLog) {
		typing.Set(presence.Place{Room: "r"}, "1", ana)
		log.expect(t, "ana ")
		time.Sleep(time.Second)
		typing.Set(presence.Place{Room: "r"}, "2", ben)
		log.expect(t, "ana ben ")
		time.Sleep(time.Second)
		typing.Set(presence.Place{Room: "r"}, "3", ana)
		log.expect(t)
		typing.Clear("r", "1")
		log.expect(t, "ben ana ") // her second tab started later
		typing.Clear("r", "3")
		typing.Clear("r", "3")
		typing.Clear("nowhere", "3")
		log.expect(t, "ben ")
		typing.Set(presence.Place{Room: "r"}, "2", ana) // the connection changed person
		log.expect(t, "ana ")
		typing.Set(presence.Place{Room: "r"}, "2", presence.Typist{ID: "ana", Name: "Ana Maria"})
		log.expect(t, "ana ")
	})
}

func TestTypingNamesAtMostTwenty(t *testing.T) {
	withTyping(t, func(t *testing.T, typing *presence.Typing, log *typingLog) {
		want := ""
		for i := range 30 {
			user := fmt.Sprintf("u%02d", i)
			typing.Set(presence.Place{Room: "r"}, user, presence.Typist{ID: user})
			if i < presence.MaxTypists {
				want += user + " "
			}
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		log.mu.Lock()
		defer log.mu.Unlock()
		if len(log.calls) != presence.MaxTypists || log.calls[len(log.calls)-1] != want {
			t.Errorf("onChange was called with %q, want %d calls, the last with the first %d people", log.calls, presence.MaxTypists, presence.MaxTypists)
		}
	})
}

func TestTypingOnChangeMayCallClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var typing *presence.Typing
		ready := make(chan struct{})
		calls := 0
		typing = presence.NewTyping(0, func(p presence.Place, users []presence.Typist) {
			<-ready
			if calls++; len(users) > 0 {
				typing.Clear(p.Room, "1")
			}
		})
		defer typing.Close()
		typing.Set(presence.Place{Room: "r"}, "1", ana)
		close(ready)
		synctest.Wait()
		if calls != 2 {
			t.Errorf("onChange was called %d times, want one call for the mark and one for its end", calls)
		}
	})
}

// While onChange is busy, changes are combined; the last call has the final set.
func TestTypingConcurrentCallersEndWithNobody(t *testing.T) {
	synctest.Test(t, typingManyCallers)
}

func typingManyCallers(t *testing.T) {
	var mu sync.Mutex
	last := map[presence.Place][]presence.Typist{}
	typing := presence.NewTyping(time.Minute, func(p presence.Place, users []presence.Typist) {
		mu.Lock()
		defer mu.Unlock()
		if slices.Equal(last[p], users) {
			t.Errorf("onChange was called twice with %v", users)
		}
		last[p] = users
	})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			who := presence.Typist{ID: strconv.Itoa(i)}
			for n := range 200 {
				p := presence.Place{Room: strconv.Itoa(n % 3), Thread: strconv.Itoa(n % 2)}
				typing.Set(p, who.ID, who)
				if n%2 == 0 {
					typing.Clear(p.Room, who.ID)
				}
			}
			for _, room := range []string{"0", "1", "2"} {
				typing.Clear(room, who.ID)
			}
		})
	}
	group.Wait()
	synctest.Wait()
	for room, users := range last {
		if len(users) > 0 {
			t.Errorf("%v: the last call had %v, want nobody", room, users)
		}
	}
	typing.Close()
	typing.Close()
}

// A connection types in one place of a room at a time, and threads are separate places.
func TestTypingInThreads(t *testing.T) {
	withTyping(t, func(t *testing.T, typing *presence.Typing, log *typingLog) {
		main, thread := presence.Place{Room: "r"}, presence.Place{Room: "r", Thread: "m1"}
		typing.Set(main, "1", ana)
		log.expect(t, "ana ")
		time.Sleep(time.Second)
		typing.Set(thread, "2", ben)
		log.expect(t, "ben ")
		time.Sleep(time.Second)
		typing.Set(thread, "1", ana) // moves
		log.expect(t, "", "ben ana ")
		if users := typing.Users(main); len(users) != 0 {
			t.Errorf("typing in the room itself are %v, want nobody", users)
		}
		if threads := typing.Threads("r"); !slices.Equal(threads["m1"], []presence.Typist{ben, ana}) || len(threads) != 1 {
			t.Errorf("typing in threads are %v", threads)
		}
		typing.Clear("r", "1")
		typing.Clear("r", "2")
		log.expect(t, "")
		if threads := typing.Threads("r"); len(threads) != 0 {
			t.Errorf("typing in threads are %v", threads)
		}
	})
}

// A person typing on one node is shown on the other, as long as the messages of the first
// node arrive.
func TestTypingOnTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here, there := &typingLog{}, &typingLog{}
		a, b := presence.NewTyping(0, here.change), presence.NewTyping(0, there.change)
		defer a.Close()
		defer b.Close()
		place := presence.Place{Room: "r", Thread: "m1"}
		var cut atomic.Bool
		var sent atomic.Int64
		a.SetPublisher(func(p presence.Place, marks []byte) {
			if sent.Add(1); !cut.Load() {
				b.ReceiveRemote(p, "a", marks)
			}
		})
		b.SetPublisher(func(p presence.Place, marks []byte) { a.ReceiveRemote(p, "b", marks) })
		a.Set(place, "1", ana)
		here.expect(t, "ana ")
		there.expect(t, "ana ")
		time.Sleep(time.Second)
		b.Set(place, "2", ben)
		b.Set(place, "3", ana) // on both nodes: one person, who began first
		here.expect(t, "ana ben ")
		there.expect(t, "ana ben ")
		for range 5 { // renewed: no change
			time.Sleep(3 * time.Second)
			a.Set(place, "1", ana)
			b.Set(place, "2", ben)
		}
		here.expect(t)
		there.expect(t)
		a.Clear("r", "1")
		here.expect(t, "ben ")
		there.expect(t, "ben ")
		time.Sleep(presence.TypingTTL)
		here.expect(t, "")
		there.expect(t, "")
		if n := sent.Swap(0); n > 25 {
			t.Errorf("%d messages in 20 seconds, want at most 25", n)
		}
		time.Sleep(time.Minute)
		if n := sent.Load(); n > 0 {
			t.Errorf("%d messages while nobody types, want none", n)
		}
		a.Set(place, "1", ana)
		there.expect(t, "ana ")
		cut.Store(true) // node a stopped, or its messages are lost
		for range 4 {
			time.Sleep(presence.TypingTTL / 2)
			a.Set(place, "1", ana)
		}
		there.expect(t, "")
		here.expect(t, "ana ")
		for _, bad := range []string{"", "{}", "[1]", "null", `[{"id":1}]`} {
			b.ReceiveRemote(place, "a", []byte(bad))
		}
		there.expect(t)
	})
}
