package presence_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"weft/presence"
	"weft/presence/presencetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	presencetest.Run(t, func(t *testing.T, times presencetest.Times) presence.Tracker {
		return presence.NewMemory(presence.MemoryOptions(times))
	})
}

// Law: after concurrent callers have joined and left at random, the tracker lists
// exactly the connections that each caller left open, and so do the diffs.
func TestMemoryWithConcurrentCallersEndsInTheirFinalState(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		m := presence.NewMemory(presence.MemoryOptions{})
		defer m.Close()
		list := diffList{}
		m.Watch(list.apply)
		scripts := make([]script, 8)
		var group sync.WaitGroup
		for i := range scripts {
			scripts[i] = newScript(seed, i)
			group.Go(func() { scripts[i].run(t, m) })
		}
		group.Wait()
		time.Sleep(2 * presence.Grace)
		synctest.Wait()

		devices := map[string]map[string]int{}    // room → user → connections
		userConns := map[string]map[string]bool{} // distinct connections by user
		for _, s := range scripts {
			for at, user := range s.open {
				if devices[at.room] == nil {
					devices[at.room] = map[string]int{}
				}
				devices[at.room][user]++
				if userConns[user] == nil {
					userConns[user] = map[string]bool{}
				}
				userConns[user][at.conn] = true
			}
		}
		for _, room := range scriptRooms {
			got, err := m.People(t.Context(), room)
			if err != nil {
				t.Fatal(err)
			}
			listed := map[string]int{}
			for _, p := range got {
				listed[p.ID] = p.Devices
				if present, err := m.IsPresent(t.Context(), room, p.ID); err != nil || !present {
					t.Errorf("room %s: IsPresent(%s) = %v, %v, want true", room, p.ID, present, err)
				}
			}
			if diff := cmp.Diff(devices[room], listed, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("room %s, devices by user (-model +listed):\n%s", room, diff)
			}
			if diff := cmp.Diff(devices[room], list.devices(room), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("room %s, devices by user (-model +diffs):\n%s", room, diff)
			}
		}
		status, err := m.Status(t.Context(), scriptUsers)
		if err != nil {
			t.Fatal(err)
		}
		for _, user := range scriptUsers {
			if s := status[user]; s.Devices != len(userConns[user]) || (s.Status == presence.Offline) != (len(userConns[user]) == 0) {
				t.Errorf("status of %s is %+v, want %d devices", user, s, len(userConns[user]))
			}
		}
	})
}

// Each call that runs while the tracker is closed succeeds or returns ErrClosed, and
// every later one returns ErrClosed. No watcher is called after Close.
func TestMemoryCloseWhileCallersRun(t *testing.T) {
	m := presence.NewMemory(presence.MemoryOptions{Grace: time.Millisecond})
	var closed atomic.Bool
	m.Watch(func(presence.Diff) {
		if closed.Load() {
			t.Error("a watcher was called after Close")
		}
	})
	calls := func(conn, user string) []error {
		ctx := t.Context()
		_, join := m.Join(ctx, presence.Member{Room: "r", Conn: conn, User: user})
		_, people := m.People(ctx, "r")
		_, count := m.Count(ctx, "r")
		_, present := m.IsPresent(ctx, "r", user)
		_, status := m.Status(ctx, []string{user})
		return []error{
			join, people, count, present, status,
			m.Touch(ctx, "r", conn), m.MarkIdle(ctx, "r", conn), m.Leave(ctx, "r", conn),
		}
	}
	var group sync.WaitGroup
	joined := make(chan struct{}, 8)
	for i := range 8 {
		group.Go(func() {
			conn, user := strconv.Itoa(i), strconv.Itoa(i%3)
			for n := 0; ; n++ {
				after := closed.Load()
				errs := calls(conn, user)
				for k, err := range errs {
					if err != nil && !errors.Is(err, presence.ErrClosed) || err == nil && after {
						t.Errorf("call %d: got error %v, closed before: %v", k, err, after)
					}
				}
				if after {
					return
				}
				if n == 0 {
					joined <- struct{}{}
				}
			}
		})
	}
	for range 8 { // every caller has succeeded once before the tracker is closed
		<-joined
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	closed.Store(true)
	group.Wait()
	if err := m.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

var (
	scriptRooms = []string{"r", "s", "t"}
	scriptUsers = []string{"u0", "u1", "u2", "u3", "u4"}
)

// script is what one concurrent caller does at random to connections of its own, and
// which of them are open.
type script struct {
	random *rand.Rand
	caller int
	open   map[connKey]string // user by connection
}

type connKey struct{ room, conn string }

func newScript(seed uint64, caller int) script {
	return script{random: rand.New(rand.NewPCG(seed, uint64(caller))), caller: caller, open: map[connKey]string{}}
}

func (s script) run(t *testing.T, m *presence.Memory) {
	ctx := t.Context()
	for range 300 {
		at := connKey{scriptRooms[s.random.IntN(len(scriptRooms))], fmt.Sprintf("c%d-%d", s.caller, s.random.IntN(3))}
		var err error
		switch s.random.IntN(6) {
		case 0, 1:
			user := scriptUsers[s.random.IntN(len(scriptUsers))]
			_, err = m.Join(ctx, presence.Member{Room: at.room, Conn: at.conn, User: user})
			s.open[at] = user
		case 2:
			err = m.Leave(ctx, at.room, at.conn)
			delete(s.open, at)
		case 3:
			err = m.Touch(ctx, at.room, at.conn)
		case 4:
			err = m.MarkIdle(ctx, at.room, at.conn)
		case 5:
			m.Watch(func(presence.Diff) {})()
			time.Sleep(time.Duration(s.random.Int64N(int64(presence.Grace))))
		}
		if err != nil {
			t.Errorf("caller %d: %v", s.caller, err)
		}
	}
}

// diffList is the people of every room according to the diffs.
type diffList struct {
	mu     sync.Mutex
	people map[string]map[string]presence.Person
}

func (l *diffList) apply(d presence.Diff) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.people == nil {
		l.people = map[string]map[string]presence.Person{}
	}
	if l.people[d.Room] == nil {
		l.people[d.Room] = map[string]presence.Person{}
	}
	for _, id := range d.Leaves {
		delete(l.people[d.Room], id)
	}
	for _, p := range d.Joins {
		l.people[d.Room][p.ID] = p
	}
}

func (l *diffList) devices(room string) map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	devices := map[string]int{}
	for id, p := range l.people[room] {
		devices[id] = p.Devices
	}
	return devices
}

func TestMemoryWithoutGracePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := presence.NewMemory(presence.MemoryOptions{Grace: -1})
		defer m.Close()
		var leaves []string
		m.Watch(func(d presence.Diff) { leaves = append(leaves, d.Leaves...) })
		m.Join(t.Context(), presence.Member{Room: "r", Conn: "1", User: "ana"})
		m.Join(t.Context(), presence.Member{Room: "r", Conn: "2", User: "ana"})
		m.Leave(t.Context(), "r", "1")
		m.Leave(t.Context(), "r", "2")
		synctest.Wait()
		if !slices.Equal(leaves, []string{"ana"}) {
			t.Errorf("left: %v, want [ana] at once", leaves)
		}
	})
}
