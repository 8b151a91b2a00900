package e2e

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/lib0"
)

// mutatedFrames is how many frames TestMutatedFrames sends.
const mutatedFrames = 2000

// contractCodes are the codes a bad message may be answered with.
var contractCodes = []int{4400, 4401, 4403, 4408, 4413, 4429, 1009}

// TestMutatedFrames promises: whatever bytes come, at most their own socket
// ends, with a code of the contract, and the server and the others go on. The
// frames are good ones with random damage.
func TestMutatedFrames(t *testing.T) {
	random := seeded(t)
	p := start(t, filepath.Join(t.TempDir(), "data"))
	const room = "hostile/mutants"
	near := newBystander(t, p, room)
	good := goodFrames(t)
	doors := []struct {
		open    func() *attacker
		frame   func([]byte) []byte
		ask     []byte
		answers func([]byte) bool
	}{
		{func() *attacker { return attack(t, p, "/ws/"+room) }, func(b []byte) []byte { return b }, step1([]byte{0}), isStep2},
		{
			func() *attacker { return join(t, p, room) }, func(b []byte) []byte { return onChannel(1, b) },
			event(t, 0, "ping", map[string]any{}), isEvent(0, "pong"),
		},
	}
	sockets, codes := 0, map[int]int{}
	for _, door := range doors {
		var a *attacker
		for i := range mutatedFrames / len(doors) {
			if a == nil {
				a = door.open()
				sockets++
			}
			a.send(websocket.BinaryMessage, door.frame(mutate(random, good)))
			if code := a.ask(door.ask, door.answers); code != open {
				codes[code]++
				if !slices.Contains(contractCodes, code) {
					t.Errorf("frame %d closed its socket with %d", i, code)
				}
				a = nil
			}
			if i%100 == 99 {
				near.works(t)
			}
		}
	}
	near.works(t)
	p.alive()
	stranger := newClient(t, room, 1003)
	if err := stranger.connect(p); err != nil {
		t.Fatalf("the room can't be opened any more: %v", err)
	}
	if err := stranger.doc.Check(); err != nil {
		t.Error(err)
	}
	t.Logf("%d mutated frames over %d sockets, closed by code: %v", mutatedFrames, sockets, codes)
}

// goodFrames are one of each kind that clients send.
func goodFrames(t *testing.T) (frames [][]byte) {
	t.Helper()
	must := func(update []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return update
	}
	doc := crdt.New(crdt.Options{ClientID: 77})
	for _, u := range [][]byte{
		must(doc.InsertText(root, 0, "hello, 漢字 and 😀")),
		must(doc.InsertText(root, 5, " there")),
		must(doc.DeleteText(root, 2, 6)),
		must(doc.InsertArray("list", 0, 1, "two", 3.5, nil, true)),
		must(doc.SetMap("map", "key", map[string]any{"a": []any{1, "b"}})),
		must(doc.DeleteMap("map", "key")),
		doc.EncodeStateAsUpdate(nil),
	} {
		frames = append(frames, update(u))
	}
	state := lib0.AppendVarBytes([]byte{1, 77, 1}, []byte(`{"user":{"name":"Mallory","color":"#123456"},"cursor":null}`))
	return append(frames, step1(doc.EncodeStateVector()), lib0.AppendVarBytes([]byte{typeAwareness}, state), []byte{3})
}

// mutate damages a good frame in one or two places.
func mutate(random *rand.Rand, good [][]byte) []byte {
	b := bytes.Clone(good[random.IntN(len(good))])
	for range 1 + random.IntN(2) {
		if len(b) == 0 {
			return b
		}
		at := random.IntN(len(b))
		switch random.IntN(8) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b[at] = byte(random.Uint32())
		case 2:
			b = b[:at]
		case 3:
			b = slices.Insert(b, at, byte(random.Uint32()))
		case 4:
			b = slices.Delete(b, at, min(len(b), at+1+random.IntN(4)))
		case 5: // a length or count that is too large
			b = slices.Replace(b, at, at+1, huge...)
		case 6: // a piece of itself again
			b = slices.Insert(b, at, b[at:min(len(b), at+1+random.IntN(16))]...)
		case 7: // the end of another one
			other := good[random.IntN(len(good))]
			b = append(b[:at], other[random.IntN(len(other)):]...)
		}
	}
	return b
}
