package e2e

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt/lib0"
	"weft/presence/awareness"
)

// TestAwarenessReachesEverybody checks that every client in a room has the latest awareness
// state of every other client, whichever dialect they speak and whenever they joined.
func TestAwarenessReachesEverybody(t *testing.T) {
	p := start(t, filepath.Join(t.TempDir(), "data"))
	const room = "cursors"
	var conns []*rawConn
	states := []map[uint64]string{} // of each connection: JSON by client id
	frame := func(i int, body []byte) []byte {
		if i%2 == 1 {
			return onChannel(1, body)
		}
		return body
	}
	sendState := func(i, to int) {
		state := awareness.State{ClientID: uint64(100 + i), Clock: uint64(to), JSON: fmt.Appendf(nil, `{"at":%d}`, to)}
		conns[i].send(websocket.BinaryMessage, frame(i, lib0.AppendVarBytes([]byte{typeAwareness}, awareness.Append(nil, []awareness.State{state}))))
	}
	// waitForAll reads the frames of connection i until it has everybody's state "to".
	waitForAll := func(i, to int) {
		t.Helper()
		deadline := time.After(timeout)
		for {
			complete := true
			for j := range conns {
				complete = complete && states[i][uint64(100+j)] == fmt.Sprintf(`{"at":%d}`, to)
			}
			if complete {
				return
			}
			select {
			case b := <-conns[i].frames:
				if i%2 == 1 {
					b = b[1:]
				}
				if len(b) == 0 || b[0] != typeAwareness {
					continue
				}
				r := lib0.NewReader(b[1:])
				payload, err := r.VarBytes()
				if err != nil {
					t.Fatal(err)
				}
				decoded, err := awareness.Decode(payload)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range decoded {
					states[i][s.ClientID] = string(s.JSON)
				}
			case code := <-conns[i].closeCode:
				t.Fatalf("client %d was closed with %d", i, code)
			case <-deadline:
				t.Fatalf("client %d of %d has the states %v, want all at %d", i, len(conns), states[i], to)
			}
		}
	}
	for n := range 6 {
		if n%2 == 1 {
			conns = append(conns, joinNative(t, p, room))
		} else {
			conns = append(conns, dialRaw(t, p, "/ws/"+room))
		}
		states = append(states, map[uint64]string{})
		for i := range conns {
			sendState(i, n+1)
		}
		for i := range conns {
			waitForAll(i, n+1)
		}
	}
}
