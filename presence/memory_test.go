package presence_test

import (
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weft/presence"
	"weft/presence/presencetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	presencetest.Run(t, func(t *testing.T, grace time.Duration) presence.Tracker {
		return presence.NewMemory(presence.MemoryOptions{Grace: grace})
	})
}

// Activity is Memory's own: the suite knows nothing of it.
func TestTouchMakesIdleAndAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := presence.NewMemory(presence.MemoryOptions{})
		defer m.Close()
		ctx := t.Context()
		var mu sync.Mutex
		var told []presence.Status
		m.Watch(func(d presence.Diff) {
			mu.Lock()
			defer mu.Unlock()
			for _, p := range d.Joins {
				told = append(told, p.Status)
			}
		})
		join := func(room, conn string) {
			if _, err := m.Join(ctx, presence.Member{Room: room, Conn: conn, User: "ana"}); err != nil {
				t.Fatal(err)
			}
		}
		expect := func(want ...presence.Status) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(told, want) {
				t.Fatalf("told %v, want %v", told, want)
			}
			told = nil
		}
		join("r", "1")
		time.Sleep(time.Hour)
		expect(presence.Online) // never touched: active for ever

		m.Touch(ctx, "r", "1")
		time.Sleep(presence.IdleAfter - time.Second)
		m.Touch(ctx, "r", "1")
		time.Sleep(presence.IdleAfter - time.Second)
		expect()
		time.Sleep(time.Second)
		expect(presence.Idle)
		time.Sleep(presence.AwayAfter - presence.IdleAfter)
		expect(presence.Away)

		join("s", "2") // elsewhere, active
		seen, _ := m.Status(ctx, []string{"ana"})
		if seen["ana"].Status != presence.Online {
			t.Errorf("status over all rooms %q", seen["ana"].Status)
		}
		expect(presence.Online)

		m.Touch(ctx, "r", "1")
		expect(presence.Online)
		m.Leave(ctx, "r", "1") // a reload, then quiet: idle, not gone
		join("r", "1")
		m.Touch(ctx, "r", "1")
		time.Sleep(presence.IdleAfter)
		expect(presence.Idle)
		if people, _ := m.People(ctx, "r"); len(people) != 1 {
			t.Errorf("after a reload and a pause: %v", people)
		}
		m.Leave(ctx, "r", "1")
		m.Touch(ctx, "r", "1")
		m.Touch(ctx, "nowhere", "1")
		time.Sleep(time.Hour)
		expect()
	})
}

func TestMemoryManyCallers(t *testing.T) {
	m := presence.NewMemory(presence.MemoryOptions{Grace: time.Millisecond})
	ctx := t.Context()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			member := presence.Member{Room: "r", Conn: strconv.Itoa(i), User: strconv.Itoa(i % 3)}
			for range 100 {
				stop := m.Watch(func(presence.Diff) {})
				m.Join(ctx, member)
				m.Touch(ctx, member.Room, member.Conn)
				m.People(ctx, member.Room)
				m.Here(ctx, member.Room, member.User)
				m.Status(ctx, []string{member.User})
				m.Leave(ctx, member.Room, member.Conn)
				stop()
			}
		})
	}
	group.Go(func() { m.Close() })
	group.Wait()
	m.Close()
}

func TestNoGrace(t *testing.T) {
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
			t.Errorf("leaves %v", leaves)
		}
	})
}
