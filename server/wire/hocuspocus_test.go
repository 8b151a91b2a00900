package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
)

// sampleHocuspocus are frames as provider 4.8 sends them and as the server
// answers. Their value is the payload in hex, or for an auth message from the
// client [token, version], for the server's [kind, text], for a sync status 0
// or 1, for a closing message its reason.
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
	add("let in to write", "doc1", AppendAuthenticated(nil, true), []any{"authenticated", "read-write"})
	add("let in to read", "doc1", AppendAuthenticated(nil, false), []any{"authenticated", "readonly"})
	add("refused", "doc1", AppendDenied(nil, "custom-reason"), []any{"denied", "custom-reason"})
	add("the token, please", "doc1", AppendTokenWanted(nil), []any{"token"})
	add("applied", "doc1", AppendSyncStatus(nil, true), 1)
	add("not applied", "doc1", AppendSyncStatus(nil, false), 0)
	return frames
}

// checkHocuspocus reads a sample as the server would, if a client may send it.
func checkHocuspocus(t *testing.T, f frame, raw []byte) {
	t.Helper()
	h, err := DecodeHocuspocus(raw)
	var said []string
	fromServer := f.Type == TypeAuth && json.Unmarshal(f.Value, &said) == nil && (said[0] != "token" || len(said) == 1)
	if fromServer != (err != nil) {
		t.Errorf("%s: %v", f.Name, err)
	}
	if err != nil {
		return
	}
	if string(h.Address) != f.Address || h.Type != f.Type {
		t.Errorf("%s: decoded as %q type %d", f.Name, h.Address, h.Type)
	}
	switch f.Type {
	case TypeAuth:
		if h.Token != said[1] || len(said) > 2 && h.Version != said[2] {
			t.Errorf("%s: token %q of version %q", f.Name, h.Token, h.Version)
		}
	case TypeSync, TypeAwareness, TypeStateless:
		if text, _ := json.Marshal(hex.EncodeToString(h.Payload)); !bytes.Equal(text, f.Value) {
			t.Errorf("%s: payload %s, want %s", f.Name, text, f.Value)
		}
	}
}

// TestHocuspocusBytes: what providers and servers of the Hocuspocus project
// were seen to write (providers 4.8, server 4.7).
func TestHocuspocusBytes(t *testing.T) {
	for _, f := range sampleHocuspocus(t) {
		want, ok := map[string]string{
			"token of provider 4": "04646f6331020003746f6b05342e382e30",
			"let in to write":     "04646f633102020a726561642d7772697465",
			"let in to read":      "04646f6331020208726561646f6e6c79",
			"refused":             "04646f633102010d637573746f6d2d726561736f6e",
			"applied":             "04646f63310801",
			"not applied":         "04646f63310800",
			"stateless":           "04646f63310502796f",
			"ping":                "09",
		}[strings.TrimPrefix(f.Name, "hocuspocus: ")]
		if ok && f.Hex != want {
			t.Errorf("%s: %s, want %s", f.Name, f.Hex, want)
		}
	}
}

func TestDocumentOfAnAddress(t *testing.T) {
	for address, want := range map[string]string{"doc1": "doc1", "docS\x00fpiga83l1kh": "docS", "a/b\x00": "a/b", "\x00x": "", "": ""} {
		if got := (Hocuspocus{Address: []byte(address)}).Document(); got != want {
			t.Errorf("%q means document %q, want %q", address, got, want)
		}
	}
}

func TestBadHocuspocusFramesAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"empty":                      "",
		"address alone":              "04646f6331",
		"address cut short":          "04646f",
		"address of 2^32-1 bytes":    "ffffffff0f",
		"address that is not UTF-8":  "02c32800",
		"address of 300 bytes":       "ac02" + strings.Repeat("61", 300) + "03",
		"auth without a kind":        "016102",
		"auth that only servers say": "0161020100",
		"token cut short":            "0161020005616263",
		"version cut short":          "016102000161056162",
		"sync without a kind":        "016100",
		"broadcast, a server's":      "01610602796f",
		"stateless not UTF-8":        "01610502c328",
		"type without an end":        "0161ffffffffffffffffffff",
	} {
		in, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if h, err := DecodeHocuspocus(in); err == nil {
			t.Errorf("%s was read as %+v", name, h)
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
		// An answer goes back to the very address.
		if frame := AppendAddress(nil, h.Address); !bytes.HasSuffix(frame, h.Address) {
			t.Fatalf("address %q is written as %x", h.Address, frame)
		}
	})
}
