package ysync

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"
)

func vector(t testing.TB, name string) []byte {
	b, err := os.ReadFile("../testdata/interop/yjs-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	frame, err := hex.DecodeString(v[name].(string))
	if err != nil || frame[0] != 0 {
		t.Fatal(name, err)
	}
	return frame[1:] // without the type byte of y-websocket
}

// TestVectors checks that messages of y-protocols decode, and encode to the same bytes.
func TestVectors(t *testing.T) {
	for name, c := range map[string]struct {
		kind   uint64
		append func(dst, payload []byte) []byte
	}{
		"sync step1":             {Step1, AppendStep1},
		"sync step1 (empty doc)": {Step1, AppendStep1},
		"sync step2 full":        {Step2, AppendStep2},
		"sync step2 nothing new": {Step2, AppendStep2},
		"sync update":            {Update, AppendUpdate},
	} {
		body := vector(t, name)
		kind, payload, err := Read(body)
		if err != nil || kind != c.kind {
			t.Errorf("%s: kind %d, %v, want kind %d", name, kind, err, c.kind)
		}
		if got := c.append(nil, payload); !bytes.Equal(got, body) {
			t.Errorf("%s: encoded %x, y-protocols %x", name, got, body)
		}
	}
}

// TestInvalidMessageIsRefused checks that other bytes are an error, and that an unknown kind
// is returned.
func TestInvalidMessageIsRefused(t *testing.T) {
	if kind, _, err := Read([]byte{3, 0}); kind != 3 || !errors.Is(err, ErrKind) {
		t.Errorf("unknown kind: %d, %v, want 3, %v", kind, err, ErrKind)
	}
	if _, _, err := Read([]byte{0, 0, 0}); !errors.Is(err, ErrTrailing) {
		t.Errorf("bytes behind the message: %v, want %v", err, ErrTrailing)
	}
	for _, body := range [][]byte{nil, {0}, {0, 2, 0}, {0x80}} {
		if _, _, err := Read(body); err == nil {
			t.Errorf("%x was accepted, want an error", body)
		}
	}
}

// FuzzRead checks that any body is decoded or refused without a panic, and that a decoded
// message encodes to a body that decodes to the same.
func FuzzRead(f *testing.F) {
	f.Add(vector(f, "sync step1"))
	f.Add(vector(f, "sync update"))
	f.Fuzz(func(t *testing.T, body []byte) {
		kind, payload, err := Read(body)
		if err != nil {
			return
		}
		write := []func(dst, payload []byte) []byte{AppendStep1, AppendStep2, AppendUpdate}[kind]
		again, same, err := Read(write(nil, payload))
		if again != kind || !bytes.Equal(same, payload) || err != nil {
			t.Fatalf("decodes again to kind %d, payload %x, %v, want %d, %x", again, same, err, kind, payload)
		}
	})
}
