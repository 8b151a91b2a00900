package presence_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weft/presence"
)

// typingLog records what was told of one room, as "ana ben".
type typingLog struct {
	mu   sync.Mutex
	told []string
}

func (l *typingLog) change(_ string, users []presence.Typist) {
	line := ""
	for _, u := range users {
		line += u.ID + " "
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, line)
}

func (l *typingLog) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.told, want) {
		t.Errorf("told %q, want %q", l.told, want)
	}
	l.told = nil
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

func TestTypingFallsByItself(t *testing.T) {
	withTyping(t, func(t *testing.T, typing *presence.Typing, log *typingLog) {
		typing.Set("r", "1", ana, true)
		log.expect(t, "ana ")
		time.Sleep(4 * time.Second)
		typing.Set("r", "1", ana, true) // renewed: nothing to tell
		typing.Set("r", "2", ben, true)
		log.expect(t, "ana ben ")
		time.Sleep(presence.TypingTTL - time.Nanosecond)
		log.expect(t)
		time.Sleep(time.Nanosecond)
		log.expect(t, "")
		time.Sleep(time.Hour)
		log.expect(t)
	})
}

func TestTypingRollsUpPerPerson(t *testing.T) {
	withTyping(t, func(t *testing.T, typing *presence.Typing, log *typingLog) {
		typing.Set("r", "1", ana, true)
		log.expect(t, "ana ")
		time.Sleep(time.Second)
		typing.Set("r", "2", ben, true)
		log.expect(t, "ana ben ")
		time.Sleep(time.Second)
		typing.Set("r", "3", ana, true)
		log.expect(t)
		typing.Set("r", "1", ana, false)
		log.expect(t, "ben ana ") // her second tab started later
		typing.Clear("r", "3")
		typing.Clear("r", "3")
		typing.Clear("nowhere", "3")
		log.expect(t, "ben ")
		typing.Set("r", "2", ana, true) // the connection changed person
		log.expect(t, "ana ")
		typing.Set("r", "2", presence.Typist{ID: "ana", Name: "Ana Maria"}, true)
		log.expect(t, "ana ")
	})
}

func TestTypingNamesAtMostTwenty(t *testing.T) {
	withTyping(t, func(t *testing.T, typing *presence.Typing, log *typingLog) {
		want := ""
		for i := range 30 {
			user := fmt.Sprintf("u%02d", i)
			typing.Set("r", user, presence.Typist{ID: user}, true)
			if i < presence.MaxTypists {
				want += user + " "
			}
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		log.mu.Lock()
		defer log.mu.Unlock()
		if len(log.told) != presence.MaxTypists || log.told[len(log.told)-1] != want {
			t.Errorf("told %q", log.told)
		}
	})
}

func TestTypingOnChangeMayCallBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var typing *presence.Typing
		ready := make(chan struct{})
		calls := 0
		typing = presence.NewTyping(0, func(room string, users []presence.Typist) {
			<-ready
			if calls++; len(users) > 0 {
				typing.Clear(room, "1")
			}
		})
		defer typing.Close()
		typing.Set("r", "1", ana, true)
		close(ready)
		synctest.Wait()
		if calls != 2 {
			t.Errorf("%d calls, want one for the mark and one for its end", calls)
		}
	})
}

// While onChange is busy, changes collapse; the last call always tells the end.
func TestTypingManyCallers(t *testing.T) {
	synctest.Test(t, typingManyCallers)
}

func typingManyCallers(t *testing.T) {
	var mu sync.Mutex
	last := map[string][]presence.Typist{}
	typing := presence.NewTyping(time.Minute, func(room string, users []presence.Typist) {
		mu.Lock()
		defer mu.Unlock()
		if slices.Equal(last[room], users) {
			t.Errorf("told twice: %v", users)
		}
		last[room] = users
	})
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			who := presence.Typist{ID: strconv.Itoa(i)}
			for n := range 200 {
				room := strconv.Itoa(n % 3)
				typing.Set(room, who.ID, who, true)
				if n%2 == 0 {
					typing.Clear(room, who.ID)
				}
			}
			for _, room := range []string{"0", "1", "2"} {
				typing.Set(room, who.ID, who, false)
			}
		})
	}
	group.Wait()
	synctest.Wait()
	for room, users := range last {
		if len(users) > 0 {
			t.Errorf("%s: told last %v", room, users)
		}
	}
	typing.Close()
	typing.Close()
}
