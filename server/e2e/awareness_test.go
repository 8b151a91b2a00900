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

// TestAwarenessReachesEverybody promises: whoever is in a room, by whichever
// door and in whatever order they came, has the latest awareness of everybody
// else.
func TestAwarenessReachesEverybody(t *testing.T) {
	p := start(t, filepath.Join(t.TempDir(), "data"))
	const room = "cursors"
	var here []*attacker
	seen := []map[uint64]string{}
	frame := func(i int, body []byte) []byte {
		if i%2 == 1 {
			return onChannel(1, body)
		}
		return body
	}
	move := func(i, to int) {
		state := awareness.State{ClientID: uint64(100 + i), Clock: uint64(to), JSON: fmt.Appendf(nil, `{"at":%d}`, to)}
		here[i].send(websocket.BinaryMessage, frame(i, lib0.AppendVarBytes([]byte{typeAwareness}, awareness.Append(nil, []awareness.State{state}))))
	}
	// learn takes in what came to i, until it has everybody at the place.
	learn := func(i, to int) {
		t.Helper()
		deadline := time.After(patience)
		for {
			complete := true
			for j := range here {
				complete = complete && seen[i][uint64(100+j)] == fmt.Sprintf(`{"at":%d}`, to)
			}
			if complete {
				return
			}
			select {
			case b := <-here[i].came:
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
				states, err := awareness.Decode(payload)
				if err != nil {
					t.Fatal(err)
				}
				for _, s := range states {
					seen[i][s.ClientID] = string(s.JSON)
				}
			case code := <-here[i].closed:
				t.Fatalf("client %d was closed with %d", i, code)
			case <-deadline:
				t.Fatalf("client %d of %d knows %v, not everybody at %d", i, len(here), seen[i], to)
			}
		}
	}
	for n := range 6 {
		if n%2 == 1 {
			here = append(here, join(t, p, room))
		} else {
			here = append(here, attack(t, p, "/ws/"+room))
		}
		seen = append(seen, map[uint64]string{})
		for i := range here {
			move(i, n+1)
		}
		for i := range here {
			learn(i, n+1)
		}
	}
}
