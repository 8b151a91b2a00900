package server

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// TestEveryLimitIsCounted: what stays within a limit is counted nowhere, and what goes
// over it under the limit's name and no other. Of a limit that has no trial nobody knows
// that it is counted.
func TestEveryLimitIsCounted(t *testing.T) {
	all := maps.Clone(fixed)
	for name, l := range settable {
		all[name] = l.help
	}
	for name := range all {
		try := limitTests[name]
		if limitsTestedElsewhere[name] != "" {
			continue
		}
		if try == nil {
			t.Errorf("nothing shows that the limit %s is counted", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &limitTest{T: t}
			a.counted = func() bool { return a.limitCount(t, name) > 0 }
			within, over := try(a)
			within()
			if n := a.limitCount(t, name); n > 0 {
				t.Errorf("counted %d times within the limit", n)
			}
			over()
			waitUntil(t, "it is counted", a.counted)
			if others := a.otherLimitCounts(name); len(others) > 0 {
				t.Errorf("counted as well: %v", others)
			}
		})
	}
	for name := range limitTests {
		if _, ok := all[name]; !ok {
			t.Errorf("there is no limit %s", name)
		}
	}
}

// trial is a server whose limit is tried.
type limitTest struct {
	*testing.T
	*testServer
	counted func() bool
}

// with starts the server with limits: name, value, name, value.
func (a *limitTest) startWith(limits ...string) {
	c := Config{Limit: map[string]string{}}
	for i := 0; i < len(limits); i += 2 {
		c.Limit[limits[i]] = limits[i+1]
	}
	a.testServer = startServer(a.T, c)
}

// comes has somebody come to a room, say something, and wait until it has been heard or
// they have been closed.
func (a *limitTest) connectAndSend(room string, bodies ...[]byte) {
	a.Helper()
	ws, code := a.dialWebSocket(a.T, "/ws/"+room, "", nil)
	if ws == nil {
		a.Fatalf("%s is answered by %d", room, code)
	}
	sendAndAwaitAnswer(a.T, ws, wire.AppendStep1(nil, []byte{0}), "\x00\x01", bodies...)
	ws.Close()
}

// refused comes to a path until it is answered by that status.
func (a *limitTest) waitForStatus(path, token string, status int) {
	a.Helper()
	waitUntil(a.T, fmt.Sprint("the answer is ", status), func() bool {
		_, code := a.dialWebSocket(a.T, path, token, nil)
		return code == status
	})
}

// let comes to a path so many times.
func (a *limitTest) connectTimes(n int, path, token string) {
	a.Helper()
	for range n {
		if ws, code := a.dialWebSocket(a.T, path, token, nil); ws == nil {
			a.Fatalf("answered by %d", code)
		}
	}
}

// written is an update that writes a text into a root, in so many structs.
func textUpdate(t *testing.T, client uint64, root string, letters, structs int) []byte {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: client})
	for range structs {
		if _, err := d.InsertText(root, 0, strings.Repeat("x", letters/structs)); err != nil {
			t.Fatal(err)
		}
	}
	return wire.AppendUpdate(nil, d.EncodeStateAsUpdate(nil))
}

// early is an update of structs that wait for one before them.
func pendingUpdate(t *testing.T, client uint64, structs int) []byte {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: client})
	for range structs + 1 {
		if _, err := d.InsertText("t", 0, "x"); err != nil {
			t.Fatal(err)
		}
	}
	return wire.AppendUpdate(nil, d.EncodeStateAsUpdate(crdt.StateVector{client: 1}))
}

// holding is an update of so many subdocuments.
func subdocumentUpdate(t *testing.T, client uint64, subdocuments int) []byte {
	t.Helper()
	d := crdt.New(crdt.Options{ClientID: client})
	u, err := d.Transact(func(tx *crdt.Tx) error {
		for range subdocuments {
			if err := d.Array("folder").Push(tx, crdt.Subdoc{GUID: "g"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return wire.AppendUpdate(nil, u)
}

// nested is an update of one value that lies so many arrays deep.
func nestedUpdate(depth int) []byte {
	u := append([]byte{1, 1, 1, 0, 8, 1, 1, 't', 1}, strings.Repeat("\x75\x01", depth)...)
	return wire.AppendUpdate(nil, append(u, 0x7e, 0))
}

// seen is an awareness message about so many clients, whose states have about so many
// bytes each.
func awarenessBody(clients, bytes int) []byte {
	var states []awareness.State
	for id := range uint64(clients) {
		states = append(states, awareness.State{ClientID: 1 + id, Clock: 1, JSON: fmt.Appendf(nil, `{"a":%q}`, strings.Repeat("x", bytes))})
	}
	return wire.AppendAwareness(nil, awareness.Append(nil, states))
}

// again is b, n times.
func repeatBody(n int, b []byte) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}
