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

// TestEveryLimitIsCounted checks that traffic within a limit is not counted, and that
// traffic over it is counted under the limit's name and no other. It fails for a limit
// that neither limitTests nor another test exceeds.
func TestEveryLimitIsCounted(t *testing.T) {
	all := maps.Clone(fixed)
	for name, l := range settable {
		all[name] = l.help
	}
	for name := range all {
		test := limitTests[name]
		if _, elsewhere := limitsTestedElsewhere[name]; elsewhere {
			continue
		}
		if test == nil {
			t.Errorf("no test shows that the limit %s is counted", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := &limitTest{T: t}
			a.counted = func() bool { return a.limitCount(t, name) > 0 }
			within, over := test(a)
			within()
			if n := a.limitCount(t, name); n > 0 {
				t.Errorf("counted %d times within the limit, want 0", n)
			}
			over()
			waitUntil(t, "it is counted", a.counted)
			if counts := a.otherLimitCounts(name); len(counts) > 0 {
				t.Errorf("other limits were counted: %v", counts)
			}
		})
	}
	for name := range limitTests {
		if _, ok := all[name]; !ok {
			t.Errorf("limitTests has %s, which is not a limit", name)
		}
	}
}

// limitTest is a server one of whose limits is tested.
type limitTest struct {
	*testing.T
	*testServer
	counted func() bool // whether the limit was counted
}

// startWith starts the server with limits: name, value, name, value.
func (a *limitTest) startWith(limits ...string) {
	c := Config{Limit: map[string]string{}}
	for i := 0; i < len(limits); i += 2 {
		c.Limit[limits[i]] = limits[i+1]
	}
	a.testServer = startServer(a.T, c)
}

// connectAndSend opens a y-websocket connection, sends the bodies, waits until the server
// has handled them or has closed the connection, and closes it.
func (a *limitTest) connectAndSend(room string, bodies ...[]byte) {
	a.Helper()
	ws, code := a.dialWebSocket(a.T, "/ws/"+room, "", nil)
	if ws == nil {
		a.Fatalf("room %s: status %d, want 101", room, code)
	}
	sendAndAwaitAnswer(a.T, ws, wire.AppendStep1(nil, []byte{0}), "\x00\x01", bodies...)
	ws.Close()
}

// waitForStatus opens connections until one is refused with that status.
func (a *limitTest) waitForStatus(path, token string, status int) {
	a.Helper()
	waitUntil(a.T, fmt.Sprint("a connection is refused with ", status), func() bool {
		_, code := a.dialWebSocket(a.T, path, token, nil)
		return code == status
	})
}

// connectTimes opens n connections, which must be accepted.
func (a *limitTest) connectTimes(n int, path, token string) {
	a.Helper()
	for range n {
		if ws, code := a.dialWebSocket(a.T, path, token, nil); ws == nil {
			a.Fatalf("%s: status %d, want 101", path, code)
		}
	}
}

// textUpdate returns an update that inserts letters into a root, in so many structs.
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

// pendingUpdate returns an update of structs whose predecessor is missing.
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

// subdocumentUpdate returns an update with so many subdocuments.
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

// nestedUpdate returns an update with one value inside depth arrays.
func nestedUpdate(depth int) []byte {
	u := append([]byte{1, 1, 1, 0, 8, 1, 1, 't', 1}, strings.Repeat("\x75\x01", depth)...)
	return wire.AppendUpdate(nil, append(u, 0x7e, 0))
}

// awarenessBody returns the states of so many Yjs clients, of about so many bytes each.
func awarenessBody(clients, bytes int) []byte {
	var states []awareness.State
	for id := range uint64(clients) {
		states = append(states, awareness.State{ClientID: 1 + id, Clock: 1, JSON: fmt.Appendf(nil, `{"a":%q}`, strings.Repeat("x", bytes))})
	}
	return wire.AppendAwareness(nil, awareness.Append(nil, states))
}

// repeatBody returns n times b.
func repeatBody(n int, b []byte) (all [][]byte) {
	for range n {
		all = append(all, b)
	}
	return all
}
