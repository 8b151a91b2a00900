package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// sampleHocuspocus returns frames as provider 4.8 sends them and as the server
// answers. The value of a frame is:
//
//   - for an auth message of a client: [kind, token, version]
//   - for an auth message of the server: [kind, text]
//   - for a sync status: 0 or 1
//   - for a close message: its reason
//   - otherwise: the payload in hex
func sampleHocuspocus(t *testing.T) (frames []frame) {
	t.Helper()
	add := func(name, address string, body []byte, value any) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		raw := body
		if Type(body[0]) != TypePing && Type(body[0]) != TypePong {
			raw = append(AppendAddress(nil, []byte(address)), body...)
		}
		frames = append(frames, frame{
			Name: "hocuspocus: " + name, Hex: hex.EncodeToString(raw), Type: Type(body[0]), Value: text,
			Dialect: "hocuspocus", Address: address,
		})
	}
	add("token", "doc1", []byte("\x02\x00\x03tok"), []any{"token", "tok"})
	add("token of provider 4", "doc1", []byte("\x02\x00\x03tok\x054.8.0"), []any{"token", "tok", "4.8.0"})
	add("step 1", "doc1", AppendStep1(nil, []byte{0}), "00")
	add("update of a session", "docS\x00fpiga83l1kh", AppendUpdate(nil, []byte{0, 0}), "0000")
	add("awareness", "doc1", AppendAwareness(nil, []byte{1, 7, 0, 2, '{', '}'}), "010700027b7d")
	add("query awareness", "doc1", []byte{byte(TypeQueryAwareness)}, "")
	add("stateless", "doc1", AppendStateless(nil, []byte("yo")), "796f")
	add("close", "doc1", []byte{byte(TypeClose)}, nil)
	add("closed", "doc1", AppendClose(nil, "provider_initiated"), "provider_initiated")
	add("ping", "", []byte{byte(TypePing)}, nil)
	add("pong", "", []byte{byte(TypePong)}, nil)
	add("authenticated, read-write", "doc1", AppendAuthenticated(nil, ScopeReadWrite), []any{"authenticated", "read-write"})
	add("authenticated, read-only", "doc1", AppendAuthenticated(nil, ScopeReadOnly), []any{"authenticated", "readonly"})
	add("denied", "doc1", AppendDenied(nil, "custom-reason"), []any{"denied", "custom-reason"})
	add("token wanted", "doc1", AppendTokenWanted(nil), []any{"token"})
	add("update durable", "doc1", AppendSyncStatus(nil, SyncApplied), 1)
	add("update refused", "doc1", AppendSyncStatus(nil, SyncRefused), 0)
	return frames
}

// checkHocuspocus decodes a sample and compares the result. A frame that only the
// server sends must be refused.
func checkHocuspocus(t *testing.T, f frame, raw []byte) {
	t.Helper()
	h, err := DecodeHocuspocus(raw)
	var said []string
	fromServer := f.Type == TypeAuth && json.Unmarshal(f.Value, &said) == nil && (said[0] != "token" || len(said) == 1)
	if fromServer != (err != nil) {
		t.Errorf("%s: got the error %v, want an error: %v", f.Name, err, fromServer)
	}
	if err != nil {
		return
	}
	if string(h.Address) != f.Address || h.Type != f.Type {
		t.Errorf("%s: decoded as address %q, type %d, want %q, %d", f.Name, h.Address, h.Type, f.Address, f.Type)
	}
	switch f.Type {
	case TypeAuth:
		if h.Token != said[1] || len(said) > 2 && h.Version != said[2] {
			t.Errorf("%s: got the token %q, version %q, want %q", f.Name, h.Token, h.Version, said[1:])
		}
	case TypeSync, TypeAwareness, TypeStateless:
		if text, _ := json.Marshal(hex.EncodeToString(h.Payload)); !bytes.Equal(text, f.Value) {
			t.Errorf("%s: payload %s, want %s", f.Name, text, f.Value)
		}
	}
}

// TestHocuspocusBytes promises: frames are written as the provider 4.8 and the
// server 4.7 of the Hocuspocus project were seen to write them.
func TestHocuspocusBytes(t *testing.T) {
	for _, f := range sampleHocuspocus(t) {
		want, ok := map[string]string{
			"token of provider 4":       "04646f6331020003746f6b05342e382e30",
			"authenticated, read-write": "04646f633102020a726561642d7772697465",
			"authenticated, read-only":  "04646f6331020208726561646f6e6c79",
			"denied":                    "04646f633102010d637573746f6d2d726561736f6e",
			"update durable":            "04646f63310801",
			"update refused":            "04646f63310800",
			"stateless":                 "04646f63310502796f",
			"ping":                      "09",
		}[strings.TrimPrefix(f.Name, "hocuspocus: ")]
		if ok && f.Hex != want {
			t.Errorf("%s: %s, want %s", f.Name, f.Hex, want)
		}
	}
}

// TestDocumentOfAnAddress promises: a document's name ends where the session begins.
func TestDocumentOfAnAddress(t *testing.T) {
	for address, want := range map[string]string{"doc1": "doc1", "docS\x00fpiga83l1kh": "docS", "a/b\x00": "a/b", "\x00x": "", "": ""} {
		if got := (Hocuspocus{Address: []byte(address)}).Document(); got != want {
			t.Errorf("%q means document %q, want %q", address, got, want)
		}
	}
}

// TestBadHocuspocusFramesAreRefused promises: malformed frames, and messages that
// only a server sends, are errors.
func TestBadHocuspocusFramesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                           "",
		"address alone":                   "04646f6331",
		"address cut short":               "04646f",
		"address of 2^32-1 bytes":         "ffffffff0f",
		"address that is not UTF-8":       "02c32800",
		"address of 300 bytes":            "ac02" + strings.Repeat("61", 300) + "03",
		"auth without a kind":             "016102",
		"auth message of a server":        "0161020100",
		"token cut short":                 "0161020005616263",
		"version cut short":               "016102000161056162",
		"sync without a kind":             "016100",
		"stateless broadcast of a server": "01610602796f",
		"stateless not UTF-8":             "01610502c328",
		"type without an end":             "0161ffffffffffffffffffff",
	} {
		in, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := DecodeHocuspocus(in); err == nil {
			t.Errorf("%s: decoded as %+v, want an error", name, h)
		}
	}
}

func FuzzDecodeHocuspocus(f *testing.F) {
	for _, s := range sampleHocuspocus(&testing.T{}) {
		b, _ := hex.DecodeString(s.Hex)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		h, err := DecodeHocuspocus(in)
		if err != nil {
			return
		}
		if len(h.Address) > MaxAddress || len(h.Payload)+len(h.Token)+len(h.Version) > len(in) {
			t.Fatalf("address of %d bytes, payload of %d, from %d", len(h.Address), len(h.Payload), len(in))
		}
		if h.Type == TypePing || h.Type == TypePong {
			return
		}
		// An answer begins with the same bytes of address.
		if frame := AppendAddress(nil, h.Address); !bytes.HasSuffix(frame, h.Address) {
			t.Fatalf("address %q is written as %x", h.Address, frame)
		}
	})
}
