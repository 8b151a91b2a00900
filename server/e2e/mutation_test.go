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

// mutatedFrames is the number of frames that the test sends.
const mutatedFrames = 2000

// contractCodes are the close codes with which the server may answer a bad message.
var contractCodes = []int{4400, 4401, 4403, 4408, 4413, 4429, 1009}

// TestMutatedFramesCloseOnlyTheirConnection sends valid frames with random damage. Each may
// close at most the connection that sent it, with a close code of the contract. Other
// clients keep working, and the room stays loadable.
func TestMutatedFramesCloseOnlyTheirConnection(t *testing.T) {
	random := newSeededRandom(t)
	p := start(t, filepath.Join(t.TempDir(), "data"))
	const room = "hostile/mutants"
	bystander := newBystander(t, p, room)
	messages := sampleMessages(t)
	doors := []struct {
		open    func() *rawConn
		frame   func([]byte) []byte
		ask     []byte
		answers func([]byte) bool
	}{
		{func() *rawConn { return dialRaw(t, p, "/ws/"+room) }, func(b []byte) []byte { return b }, step1Frame([]byte{0}), isStep2},
		{
			func() *rawConn { return joinNative(t, p, room) }, func(b []byte) []byte { return onChannel(1, b) },
			eventFrame(t, 0, "ping", map[string]any{}), isEvent(0, "pong"),
		},
	}
	connections, codes := 0, map[int]int{}
	for _, door := range doors {
		var a *rawConn
		for i := range mutatedFrames / len(doors) {
			if a == nil {
				a = door.open()
				connections++
			}
			a.send(websocket.BinaryMessage, door.frame(mutateMessage(random, messages)))
			if code := a.sendAndWait(door.ask, door.answers); code != notClosed {
				codes[code]++
				if !slices.Contains(contractCodes, code) {
					t.Errorf("frame %d: closed with %d, which is not a code of the contract", i, code)
				}
				a = nil
			}
			if i%100 == 99 {
				bystander.checkWorks(t)
			}
		}
	}
	bystander.checkWorks(t)
	p.checkAlive()
	reader := newClient(t, room, 1003)
	if err := reader.connect(p); err != nil {
		t.Fatalf("a new client cannot load the room: %v", err)
	}
	if err := reader.doc.Check(); err != nil {
		t.Error(err)
	}
	t.Logf("%d mutated frames over %d connections, closed by code: %v", mutatedFrames, connections, codes)
}

// A sampleMessage is a payload and the function that frames it.
type sampleMessage struct {
	payload []byte
	frame   func(payload []byte) []byte
}

// sampleMessages returns one valid message of each kind that clients send.
func sampleMessages(t *testing.T) (messages []sampleMessage) {
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
		messages = append(messages, sampleMessage{u, updateFrame})
	}
	state := lib0.AppendVarBytes([]byte{1, 77, 1}, []byte(`{"user":{"name":"Mallory","color":"#123456"},"cursor":null}`))
	return append(messages,
		sampleMessage{doc.EncodeStateVector(), step1Frame},
		sampleMessage{state, func(b []byte) []byte { return lib0.AppendVarBytes([]byte{typeAwareness}, b) }},
		sampleMessage{nil, func([]byte) []byte { return []byte{3} }},
	)
}

// mutateMessage damages a random message: its payload, so that the length prefix of the
// frame stays right, or its frame.
func mutateMessage(random *rand.Rand, messages []sampleMessage) []byte {
	m, other := messages[random.IntN(len(messages))], messages[random.IntN(len(messages))]
	if random.IntN(4) > 0 {
		return m.frame(mutateBytes(random, m.payload, other.payload))
	}
	return mutateBytes(random, m.frame(m.payload), other.frame(other.payload))
}

// mutateBytes changes b in one or two places, partly with pieces of other.
func mutateBytes(random *rand.Rand, b, other []byte) []byte {
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
			b = slices.Replace(b, at, at+1, hugeVarUint...)
		case 6: // a piece of itself, repeated
			b = slices.Insert(b, at, bytes.Clone(b[at:min(len(b), at+1+random.IntN(16))])...)
		case 7: // the end of another message
			b = append(b[:at], other[random.IntN(len(other)+1):]...)
		}
	}
	return b
}
