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
	messages := goodMessages(t)
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
			a.send(websocket.BinaryMessage, door.frame(mutant(random, messages)))
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

// A good message is a payload and the frame around it.
type good struct {
	payload []byte
	frame   func(payload []byte) []byte
}

// goodMessages are one of each kind that clients send.
func goodMessages(t *testing.T) (messages []good) {
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
		messages = append(messages, good{u, update})
	}
	state := lib0.AppendVarBytes([]byte{1, 77, 1}, []byte(`{"user":{"name":"Mallory","color":"#123456"},"cursor":null}`))
	return append(messages,
		good{doc.EncodeStateVector(), step1},
		good{state, func(b []byte) []byte { return lib0.AppendVarBytes([]byte{typeAwareness}, b) }},
		good{nil, func([]byte) []byte { return []byte{3} }},
	)
}

// mutant is a message with damage to its payload, which then has the right
// length, or to its frame.
func mutant(random *rand.Rand, messages []good) []byte {
	m, other := messages[random.IntN(len(messages))], messages[random.IntN(len(messages))]
	if random.IntN(4) > 0 {
		return m.frame(damage(random, m.payload, other.payload))
	}
	return damage(random, m.frame(m.payload), other.frame(other.payload))
}

// damage changes b in one or two places; other is where pieces come from.
func damage(random *rand.Rand, b, other []byte) []byte {
	b = bytes.Clone(b)
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
			b = slices.Insert(b, at, bytes.Clone(b[at:min(len(b), at+1+random.IntN(16))])...)
		case 7: // the end of another one
			b = append(b[:at], other[random.IntN(len(other)+1):]...)
		}
	}
	return b
}
