package storetest

import (
	"fmt"
	"testing"

	"weft/notify"
)

func subscription(user string, n int) notify.Subscription {
	id := fmt.Sprintf("%s-sub-%02d", user, n)
	return notify.Subscription{
		ID: id, User: user, Endpoint: "https://push.example/" + id, P256dh: []byte{4, byte(n), 0, 255}, Auth: []byte{byte(n), 7}, CreatedAt: at(n),
	}
}

func subscriptionReplaced(t *testing.T, o *inboxUnderTest) {
	if subs := value(o.S.Subscriptions(t.Context(), "ann"))(t); len(subs) != 0 {
		t.Fatalf("subscriptions of nobody: %v", subs)
	}
	first, second := subscription("ann", 1), subscription("ann", 2)
	must(t, o.S.Subscribe(t.Context(), first))
	must(t, o.S.Subscribe(t.Context(), second))
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	first.P256dh, first.CreatedAt = []byte{4, 9, 9}, at(9)
	must(t, o.S.Subscribe(t.Context(), first))
	o.twice(func() {
		same(t, "subscriptions", value(o.S.Subscriptions(t.Context(), "ann"))(t), []notify.Subscription{second, first})
		jobs := due(t, o, at(1), 10)
		same(t, "subscription of a job", jobs[0].Subscription, first)
		same(t, "jobs", len(jobs), 2)
	})
	must(t, o.S.Unsubscribe(t.Context(), "ann", second.Endpoint))
	must(t, o.S.Unsubscribe(t.Context(), "ann", "https://unknown.example"))
	must(t, o.S.Unsubscribe(t.Context(), "ben", first.Endpoint)) // not his
	o.twice(func() {
		same(t, "subscriptions", value(o.S.Subscriptions(t.Context(), "ann"))(t), []notify.Subscription{first})
		same(t, "jobs", len(due(t, o, at(1), 10)), 1)
	})
}

func subscriptionLimit(t *testing.T, o *inboxUnderTest) {
	for i := range 20 {
		must(t, o.S.Subscribe(t.Context(), subscription("ann", i)))
		must(t, o.S.Subscribe(t.Context(), subscription("ben", i)))
	}
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	must(t, o.S.Subscribe(t.Context(), subscription("ann", 50)))
	old := subscription("ann", 60)
	old.CreatedAt = at(-100) // the subscription just made is kept, though it is the oldest
	must(t, o.S.Subscribe(t.Context(), old))
	o.twice(func() {
		subs := value(o.S.Subscriptions(t.Context(), "ann"))(t)
		if len(subs) != 20 || subs[0].ID != old.ID || subs[1].ID != subscription("ann", 2).ID {
			t.Fatalf("%d subscriptions, first %q and %q", len(subs), subs[0].ID, subs[1].ID)
		}
		same(t, "jobs", len(due(t, o, at(1), 100)), 18)
		same(t, "ben's", len(value(o.S.Subscriptions(t.Context(), "ben"))(t)), 20)
	})
}

func subscriptionMoves(t *testing.T, o *inboxUnderTest) {
	sub := subscription("ann", 1)
	must(t, o.S.Subscribe(t.Context(), sub))
	add(t, o, notification("ann", 1), notify.Push{Wanted: true, At: at(1)})
	sub.User = "ben"
	must(t, o.S.Subscribe(t.Context(), sub))
	o.twice(func() {
		same(t, "ann's", len(value(o.S.Subscriptions(t.Context(), "ann"))(t)), 0)
		same(t, "ben's", value(o.S.Subscriptions(t.Context(), "ben"))(t), []notify.Subscription{sub})
		if jobs := due(t, o, at(99), 10); len(jobs) != 0 {
			t.Fatalf("ben's browser would show ann's notification: %+v", jobs)
		}
	})
}
