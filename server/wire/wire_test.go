package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/crdt/lib0"
	"weft/crdt/ysync"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/frames.json anew")

// frame is one frame of testdata/frames.json, which the tests of the SDK decode
// too: a name, the bytes, and what they mean.
type frame struct {
	Name    string          `json:"name"`
	Hex     string          `json:"hex"`
	Channel uint64          `json:"channel"`
	Type    Type            `json:"type"`
	Value   json.RawMessage `json:"value"` // an event: [name, map]; an ack: n; else the payload in hex
	// Dialect is empty for the native one. Hocuspocus frames are described in
	// hocuspocus_test.go.
	Dialect string `json:"dialect,omitempty"`
	Address string `json:"address,omitempty"`
}

func sampleFrames(t *testing.T) []frame {
	t.Helper()
	var frames []frame
	add := func(name string, channel uint64, body []byte, value any) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		frames = append(frames, frame{Name: name, Hex: hex.EncodeToString(AppendFrame(nil, channel, body)), Channel: channel, Type: Type(body[0]), Value: text})
	}
	event := func(name string, channel uint64, v any) {
		body, err := EncodeEvent(name, v)
		if err != nil {
			t.Fatal(err)
		}
		add(name, channel, body, []any{name, v})
	}
	add("step 1", 1, AppendStep1(nil, []byte{0}), "00")
	add("step 2", 1, AppendStep2(nil, []byte{0, 0}), "0000")
	add("update on channel 300", 300, AppendUpdate(nil, []byte{1, 1, 1, 0, 4, 1, 1, 't', 1, 'a', 0}), "0101010004010174016100")
	add("awareness", 2, AppendAwareness(nil, []byte{1, 1, 1, 2, '{', '}'}), "010101027b7d")
	add("query awareness", 2, []byte{byte(TypeQueryAwareness)}, "")
	add("ack 5", 1, AppendAck(nil, 5), 5)
	add("ack 1000000", 1, AppendAck(nil, 1_000_000), 1_000_000)
	event("hello", 0, map[string]any{"token": "abc"})
	event("welcome", 0, map[string]any{"heartbeat": 25000, "user": map[string]any{"id": "ana", "name": "Ana 😀"}})
	event("join", 0, map[string]any{"channel": 1, "room": "class/7/notes"})
	event("refused", 0, map[string]any{"channel": 1, "code": 4403, "reason": "you may not enter this room"})
	event("ping", 0, map[string]any{})
	event("typing", 1, map[string]any{"on": true})
	event("send", 1, map[string]any{"id": "01J", "text": "hi @ben"})
	event("message", 1, map[string]any{
		"id": "01J", "room": "class/7/notes", "seq": 4294967296, "user": map[string]any{"id": "ana", "name": "Ana"},
		"text": "hi @ben", "mentions": []any{map[string]any{"user": "ben"}}, "reactions": []any{}, "createdAt": "2026-11-22T10:00:00.5Z",
		"editedAt": nil, "deleted": false,
	})
	event("presence", 1, map[string]any{"joins": []any{map[string]any{"id": "ana", "name": "Ana", "slot": 7, "status": "online", "devices": 1, "since": "2026-11-22T10:00:00Z"}}, "leaves": []any{"ben"}})
	return append(frames, sampleHocuspocus(t)...)
}

// TestFramesFixture promises: this code writes the frames of the file to the byte
// and reads what they mean. The tests of the SDK do the same.
func TestFramesFixture(t *testing.T) {
	const path = "testdata/frames.json"
	want := sampleFrames(t)
	if *rewrite {
		text, err := json.MarshalIndent(want, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []frame
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("the file has %d frames, want %d: run go test ./server/wire -rewrite", len(got), len(want))
	}
	for i, f := range got {
		if f.Hex != want[i].Hex || f.Name != want[i].Name {
			t.Errorf("%s: got %s, the file has %s", f.Name, want[i].Hex, f.Hex)
		}
		raw, err := hex.DecodeString(f.Hex)
		if err != nil {
			t.Fatal(err)
		}
		if f.Dialect == "hocuspocus" {
			checkHocuspocus(t, f, raw)
			continue
		}
		channel, b, err := DecodeFrame(raw)
		if err != nil || channel != f.Channel || b.Type != f.Type {
			t.Errorf("%s: decoded as channel %d, type %d, %v, want %d, %d", f.Name, channel, b.Type, err, f.Channel, f.Type)
		}
		switch f.Type {
		case TypeEvent:
			e, err := DecodeEvent(b.Payload)
			if err != nil || e.Name != f.Name {
				t.Errorf("%s: event %q, %v", f.Name, e.Name, err)
			}
		case TypeSync, TypeAwareness:
			if text, _ := json.Marshal(hex.EncodeToString(b.Payload)); !bytes.Equal(text, f.Value) {
				t.Errorf("%s: payload %s, want %s", f.Name, text, f.Value)
			}
		}
	}
}

// TestDecodeBody promises: each type is decoded, an unknown type is no error, and
// a malformed body is one.
func TestDecodeBody(t *testing.T) {
	for _, c := range []struct {
		name string
		in   string
		want Body
		bad  bool
	}{
		{name: "step 1", in: "00000100", want: Body{TypeSync, ysync.Step1, []byte{0}}},
		{name: "update", in: "0002020000", want: Body{TypeSync, ysync.Update, []byte{0, 0}}},
		{name: "query", in: "03", want: Body{Type: TypeQueryAwareness}},
		{name: "a newer type", in: "66010203", want: Body{Type: 102}},
		{name: "empty", in: "", bad: true},
		{name: "sync without kind", in: "00", bad: true},
		{name: "unknown sync kind", in: "000700", bad: true},
		{name: "length beyond the end", in: "0002ff7f00", bad: true},
		{name: "length of 2^60", in: "0002ffffffffffffffff0f", bad: true},
		{name: "varuint without end", in: "ffffffffffffffffffffff", bad: true},
		{name: "awareness cut short", in: "0105010101", bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, err := hex.DecodeString(c.in)
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecodeBody(in)
			if c.bad != (err != nil) {
				t.Fatalf("got the error %v, want an error: %v", err, c.bad)
			}
			if diff := cmp.Diff(c.want, got); !c.bad && diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestScanRefusesBombs promises: msgpack that would cost more than its size is
// refused, without an allocation.
func TestScanRefusesBombs(t *testing.T) {
	nested := func(n int) []byte { return append(bytes.Repeat([]byte{0x91}, n), 0xc0) }
	for _, c := range []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"nil", []byte{0xc0}, true},
		{"sixteen deep", nested(16), true},
		{"seventeen deep", nested(17), false},
		{"two million deep", nested(2_000_000), false},
		{"array of 2^32-1", []byte{0xdd, 0xff, 0xff, 0xff, 0xff}, false},
		{"map of 2^32-1", []byte{0xdf, 0xff, 0xff, 0xff, 0xff}, false},
		{"1 GiB of bytes", []byte{0xc6, 0x40, 0, 0, 0}, false},
		{"extension", []byte{0xd6, 0xff, 0, 0, 0, 0}, false},
		{"unused byte", []byte{0xc1}, false},
		{"cut head", []byte{0xda, 0x01}, false},
		{"bytes after the value", []byte{0xc0, 0xc0}, false},
		{"empty", nil, false},
	} {
		if err := Scan(c.in, MaxDepth); (err == nil) != c.ok {
			t.Errorf("%s: got the error %v, want none: %v", c.name, err, c.ok)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = Scan(nested(10)[:11], MaxDepth) }); n > 2 {
		t.Errorf("Scan allocates %v times, want 2 at most, for the test's own value", n)
	}
}

func FuzzDecodeFrame(f *testing.F) {
	for _, s := range []string{"01000001 00", "0010926568656c6c6f80", "0111ac02"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		channel, b, err := DecodeFrame(in)
		if err != nil {
			return
		}
		if channel > MaxChannel || len(b.Payload) > len(in) {
			t.Fatalf("channel %d, payload of %d bytes from %d", channel, len(b.Payload), len(in))
		}
		if b.Type != TypeEvent {
			return
		}
		if e, err := DecodeEvent(b.Payload); err == nil {
			var v struct {
				ID    string `json:"id"`
				On    bool   `json:"on"`
				Quote string `json:"quote"`
				N     uint64 `json:"channel"`
			}
			_ = e.Into(&v)
		}
	})
}

func BenchmarkDecodeEvent(b *testing.B) {
	body, err := EncodeEvent("send", map[string]any{"id": "01JD3Y5T7Q", "text": "a line of chat of an ordinary length"})
	if err != nil {
		b.Fatal(err)
	}
	r := lib0.NewReader(body)
	if _, err := r.Uvarint(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		e, err := DecodeEvent(body[1:])
		if err != nil {
			b.Fatal(err)
		}
		var v struct {
			ID   string `json:"id"`
			Text string `json:"text"`
		}
		if err := e.Into(&v); err != nil {
			b.Fatal(err)
		}
	}
}

// TestSyncOverheadIsAnUpperBound promises: a native frame is at most SyncOverhead
// bytes longer than the update in it, on any channel, up to 4 GiB. Clients rely on
// that: limits are announced to them for updates and enforced for frames.
func TestSyncOverheadIsAnUpperBound(t *testing.T) {
	for _, size := range []int{0, 127, 128, 1<<20 - SyncOverhead, 16<<20 - SyncOverhead} {
		frame := AppendFrame(nil, MaxChannel, AppendStep2(nil, make([]byte, size)))
		if got := len(frame) - size; got > SyncOverhead {
			t.Errorf("a frame with an update of %d bytes has %d more, want %d at most", size, got, SyncOverhead)
		}
	}
	if longest := len(lib0.AppendUvarint(nil, MaxChannel)) + 2 + len(lib0.AppendUvarint(nil, 1<<32-1)); longest != SyncOverhead {
		t.Errorf("the longest overhead is %d bytes, want SyncOverhead, %d", longest, SyncOverhead)
	}
}
