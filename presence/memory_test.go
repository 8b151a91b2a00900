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
	presencetest.Run(t, func(t *testing.T, times presencetest.Times) presence.Tracker {
		return presence.NewMemory(presence.MemoryOptions(times))
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
				m.MarkIdle(ctx, member.Room, member.Conn)
				m.People(ctx, member.Room)
				m.IsPresent(ctx, member.Room, member.User)
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
