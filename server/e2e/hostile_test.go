package e2e

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/lib0"
)

// limit is the largest message about a document, in bytes.
const maxMessage = 1 << 20

// notClosed stands for a connection that must not be closed, where a close code is wanted.
const notClosed = 0

// updateOfStruct returns an update with one struct of client 7: the info byte, then the
// root "text" as its parent, then the content's bytes.
func updateOfStruct(info byte, content ...byte) []byte {
	b := []byte{1, 1, 7, 0, info}
	if info&0x1f != 0 && info&0x1f != 10 {
		b = append(b, 1, 4, 't', 'e', 'x', 't')
	}
	return append(append(b, content...), 0) // no deletions
}

// deepAny returns lib0's any encoding of a null inside depth nested arrays.
func deepAny(depth int) []byte {
	return append(bytes.Repeat([]byte{117, 1}, depth), 126)
}

// updateOfFrameSize returns an update whose y-websocket frame is n bytes long.
func updateOfFrameSize(t *testing.T, n int) []byte {
	t.Helper()
	for length := n - 64; length < n; length++ {
		doc := crdt.New(crdt.Options{ClientID: 99})
		u, err := doc.InsertText("big", 0, strings.Repeat("a", length))
		if err != nil {
			t.Fatal(err)
		}
		if frame := updateFrame(u); len(frame) == n {
			return frame
		}
	}
	t.Fatalf("no update makes a frame of %d bytes", n)
	return nil
}

// hugeVarUint is 2^32-1 as a varuint.
var hugeVarUint = []byte{0xff, 0xff, 0xff, 0xff, 0x0f}

// malformedFrames returns frames that are malformed in the y-websocket dialect, and with a
// channel number before them also in the native dialect.
func malformedFrames() map[string][]byte {
	return map[string][]byte{
		"type cut off":                  {0x80},
		"sync without a kind":           {0},
		"unknown kind of sync":          {0, 9, 0},
		"step 1 without a vector":       {0, 0},
		"step 1 longer than its frame":  append([]byte{0, 0}, hugeVarUint...),
		"step 1 with bytes behind it":   append(step1Frame([]byte{0}), 1),
		"state vector of 4 G clients":   step1Frame(hugeVarUint),
		"state vector cut off":          step1Frame([]byte{2, 1, 1, 5}),
		"update cut off":                updateFrame(updateOfStruct(4, 2, 'a')),
		"update of random bytes":        updateFrame([]byte("this is no update at all")),
		"update of 4 G clients":         updateFrame(append(bytes.Clone(hugeVarUint), 0)),
		"update of 4 G structs":         updateFrame(append(append([]byte{1}, hugeVarUint...), 7, 0, 0)),
		"update with bytes behind it":   updateFrame(append(updateOfStruct(4, 1, 'a'), 0, 0)),
		"string of 4 GB":                updateFrame(updateOfStruct(4, hugeVarUint...)),
		"string of no characters":       updateFrame(updateOfStruct(4, 0)),
		"string that is not UTF-8":      updateFrame(updateOfStruct(4, 2, 0xc3, 0x28)),
		"GC of no length":               updateFrame(updateOfStruct(0, 0)),
		"deleted content of no length":  updateFrame(updateOfStruct(1, 0)),
		"any of no elements":            updateFrame(updateOfStruct(8, 0)),
		"any of 4 G elements":           updateFrame(updateOfStruct(8, hugeVarUint...)),
		"any nested 100,000 deep":       updateFrame(updateOfStruct(8, append([]byte{1}, deepAny(100_000)...)...)),
		"any with an unknown tag":       updateFrame(updateOfStruct(8, 1, 1)),
		"unknown kind of content":       updateFrame(updateOfStruct(31, 0)),
		"unknown kind of type":          updateFrame(updateOfStruct(7, 99)),
		"JSON that is none":             updateFrame(updateOfStruct(6, 1, 'b', 1, '{')),
		"delete range of 4 G ranges":    updateFrame(append([]byte{0, 1, 7}, hugeVarUint...)),
		"delete set cut off":            updateFrame([]byte{0, 1, 7, 1, 0}),
		"awareness without a length":    {1},
		"awareness longer than itself":  append([]byte{1}, hugeVarUint...),
		"awareness of 4 G clients":      lib0.AppendVarBytes([]byte{1}, hugeVarUint),
		"awareness that is no JSON":     lib0.AppendVarBytes([]byte{1}, []byte{1, 5, 1, 1, '{'}),
		"awareness with a number":       lib0.AppendVarBytes([]byte{1}, []byte{1, 5, 1, 1, '7'}),
		"awareness nested 10,000 deep":  lib0.AppendVarBytes([]byte{1}, lib0.AppendVarBytes([]byte{1, 5, 1}, deepJSON(10_000))),
		"a variable-length int too big": {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
	}
}

// deepJSON returns depth nested JSON objects.
func deepJSON(depth int) []byte {
	return []byte(strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat("}", depth))
}

// TestMalformedFramesCloseOnlyTheirConnection checks that a malformed message closes only
// the connection that sent it, with the close code of the contract. A message of an
// unknown type is ignored.
func TestMalformedFramesCloseOnlyTheirConnection(t *testing.T) {
	p := start(t, filepath.Join(t.TempDir(), "data"))
	const room = "hostile/frames"
	bystander := newBystander(t, p, room)

	check := func(t *testing.T, a *rawConn, kind int, frame []byte, want int, ask []byte, answers func([]byte) bool) {
		t.Helper()
		a.send(kind, frame)
		if want == notClosed {
			a.wantAnswer(ask, answers)
		} else if code := a.waitForClose(); code != want {
			t.Errorf("closed with %d, want %d", code, want)
		}
		a.conn.Close()
		bystander.checkWorks(t)
		p.checkAlive()
	}

	for _, test := range yWebsocketFrames(t) {
		t.Run("ws/"+test.name, func(t *testing.T) {
			check(t, dialRaw(t, p, "/ws/"+room), test.kind, test.frame, test.want, step1Frame([]byte{0}), isStep2)
		})
	}

	ping, pong := eventFrame(t, 0, "ping", map[string]any{}), isEvent(0, "pong")
	for _, test := range nativeFrames(t) {
		t.Run("socket/"+test.name, func(t *testing.T) {
			check(t, joinNative(t, p, room), test.kind, test.frame, test.want, ping, pong)
		})
	}
	for name, frame := range map[string][]byte{
		"ping before the hello": ping,
		"malformed hello":       {0x80},
		"join before the hello": eventFrame(t, 0, "join", map[string]any{"channel": 1, "room": room}),
	} {
		t.Run("socket/"+name, func(t *testing.T) {
			check(t, dialRaw(t, p, "/socket"), websocket.BinaryMessage, frame, 4400, nil, nil)
		})
	}
	t.Run("socket/a hello of 20 KiB", func(t *testing.T) {
		frame := eventFrame(t, 0, "hello", map[string]any{"token": strings.Repeat("a", 20<<10)})
		check(t, dialRaw(t, p, "/socket"), websocket.BinaryMessage, frame, 4413, nil, nil)
	})
	t.Run("socket/a hello with a bad token", func(t *testing.T) {
		frame := eventFrame(t, 0, "hello", map[string]any{"token": "nonsense"})
		check(t, dialRaw(t, p, "/socket"), websocket.BinaryMessage, frame, 4401, nil, nil)
	})
}

// A frameTest is a frame and the close code that it must have, or notClosed.
type frameTest struct {
	name  string
	kind  int // of WebSocket message
	frame []byte
	want  int
}

// yWebsocketFrames returns hostile frames of the y-websocket dialect.
func yWebsocketFrames(t *testing.T) []frameTest {
	t.Helper()
	tests := []frameTest{
		{"empty frame", websocket.BinaryMessage, nil, 4400},
		{"text frame", websocket.TextMessage, []byte("hello"), 4400},
		{"unknown type", websocket.BinaryMessage, []byte{200, 1, 1, 2, 3}, notClosed},
		{"query of awareness", websocket.BinaryMessage, []byte{3}, notClosed},
		{"update with missing dependencies", websocket.BinaryMessage, updateFrame([]byte{1, 1, 8, 50, 0x84, 8, 49, 1, 'a', 0}), notClosed},
		{"message at the limit", websocket.BinaryMessage, updateOfFrameSize(t, maxMessage), notClosed},
		{"update over the limit by one", websocket.BinaryMessage, updateOfFrameSize(t, maxMessage+1), 1013},
		{"message of 20 MiB", websocket.BinaryMessage, make([]byte, 20<<20), 1009},
		{"awareness of 100 KiB", websocket.BinaryMessage, lib0.AppendVarBytes([]byte{1}, lib0.AppendVarBytes([]byte{1, 5, 1}, []byte(`{"a":"`+strings.Repeat("a", 100<<10)+`"}`))), 4413},
	}
	for name, frame := range malformedFrames() {
		tests = append(tests, frameTest{name, websocket.BinaryMessage, frame, 4400})
	}
	return tests
}

// nativeFrames returns hostile frames of the native dialect.
func nativeFrames(t *testing.T) []frameTest {
	t.Helper()
	tests := []frameTest{
		{"empty frame", websocket.BinaryMessage, nil, 4400},
		{"text frame", websocket.TextMessage, []byte(`["ping",{}]`), 4400},
		{"channel alone", websocket.BinaryMessage, []byte{1}, 4400},
		{"channel beyond the last", websocket.BinaryMessage, onChannel(1_000_001, []byte{3}), 4400},
		{"channel that was not joined", websocket.BinaryMessage, onChannel(5, step1Frame([]byte{0})), notClosed},
		{"document on channel 0", websocket.BinaryMessage, onChannel(0, step1Frame([]byte{0})), 4400},
		{"event that is no msgpack", websocket.BinaryMessage, onChannel(0, []byte{0x10, 0xc1}), 4400},
		{"event cut off", websocket.BinaryMessage, onChannel(0, []byte{0x10, 0x92, 0xa4, 'p', 'i'}), 4400},
		{"event that is a map", websocket.BinaryMessage, onChannel(0, []byte{0x10, 0x80}), 4400},
		{"event of 4 G elements", websocket.BinaryMessage, onChannel(0, []byte{0x10, 0xdd, 0xff, 0xff, 0xff, 0xff}), 4400},
		{"event with a map of 4 G entries", websocket.BinaryMessage, onChannel(1, []byte{0x10, 0x92, 0xa4, 's', 'e', 'n', 'd', 0xdf, 0xff, 0xff, 0xff, 0xff}), 4400},
		{"event with a string of 4 GB", websocket.BinaryMessage, onChannel(1, []byte{0x10, 0x92, 0xdb, 0xff, 0xff, 0xff, 0xff}), 4400},
		{"event nested 10,000 deep", websocket.BinaryMessage, onChannel(0, append([]byte{0x10}, bytes.Repeat([]byte{0x91}, 10_000)...)), 4400},
		{"unknown event", websocket.BinaryMessage, eventFrame(t, 1, "dance", map[string]any{"now": true}), notClosed},
		{"join of a bad room", websocket.BinaryMessage, eventFrame(t, 0, "join", map[string]any{"channel": 2, "room": "a//b"}), notClosed},
		{"update over the limit", websocket.BinaryMessage, onChannel(1, updateOfFrameSize(t, maxMessage+1)), 1013},
		{"event of 100 KiB", websocket.BinaryMessage, eventFrame(t, 1, "send", map[string]any{"id": "a", "text": strings.Repeat("a", 100<<10)}), 4413},
	}
	for name, frame := range malformedFrames() {
		tests = append(tests, frameTest{name, websocket.BinaryMessage, onChannel(1, frame), 4400})
	}
	return tests
}

// TestBadHandshakesAreRefusedBeforeUpgrade checks that invalid room names and foreign
// origins are refused with an HTTP status, before the upgrade.
func TestBadHandshakesAreRefusedBeforeUpgrade(t *testing.T) {
	p := start(t, filepath.Join(t.TempDir(), "data"))
	bystander := newBystander(t, p, "hostile/doors")
	long := strings.Repeat("a", 129)
	for name, test := range map[string]struct {
		target, origin string
		want           int
	}{
		"a good room":                    {"/ws/class/7/notes", "", 101},
		"a good room, encoded":           {"/ws/class%2F7%2Fnotes", "", 101},
		"a room of 128 bytes":            {"/ws/" + long[1:], "", 101},
		"a room of 129 bytes":            {"/ws/" + long, "", 400},
		"no room":                        {"/ws/", "", 400},
		"an empty segment":               {"/ws/a//b", "", 400},
		"a slash at the end":             {"/ws/a/", "", 400},
		"an encoded leading slash":       {"/ws/%2Fa", "", 400},
		"dots":                           {"/ws/a/../b", "", 400},
		"encoded dots":                   {"/ws/%2e%2e/b", "", 400},
		"one dot":                        {"/ws/.", "", 400},
		"NUL":                            {"/ws/a%00b", "", 400},
		"a line feed":                    {"/ws/a%0Ab", "", 400},
		"not UTF-8":                      {"/ws/a%FFb", "", 400},
		"a broken escape":                {"/ws/a%zz", "", 400},
		"same origin":                    {"/ws/a", "http://" + p.host, 101},
		"another origin":                 {"/ws/a", "https://evil.example", 403},
		"origin null":                    {"/ws/a", "null", 403},
		"an origin with the same prefix": {"/ws/a", "http://" + p.host + ".evil.example", 403},
		"another origin, native":         {"/socket", "https://evil.example", 403},
	} {
		t.Run(name, func(t *testing.T) {
			header := http.Header{}
			if test.origin != "" {
				header.Set("Origin", test.origin)
			}
			if got := requestUpgrade(t, p, test.target, header); got != test.want {
				t.Errorf("GET %s: status %d, want %d", test.target, got, test.want)
			}
		})
	}
	bystander.checkWorks(t)
	p.checkAlive()
}
