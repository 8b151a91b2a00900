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

// TestVectors promises: messages of y-protocols are read, and written to the same bytes.
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
			t.Errorf("%s: kind %d, %v", name, kind, err)
		}
		if got := c.append(nil, payload); !bytes.Equal(got, body) {
			t.Errorf("%s: written %x, y-protocols %x", name, got, body)
		}
	}
}

// TestRefused promises: anything else is an error, and an unknown kind is named.
func TestRefused(t *testing.T) {
	if kind, _, err := Read([]byte{3, 0}); kind != 3 || !errors.Is(err, ErrKind) {
		t.Error(kind, err)
	}
	if _, _, err := Read([]byte{0, 0, 0}); !errors.Is(err, ErrTrailing) {
		t.Error(err)
	}
	for _, body := range [][]byte{nil, {0}, {0, 2, 0}, {0x80}} {
		if _, _, err := Read(body); err == nil {
			t.Errorf("%x was taken", body)
		}
	}
}

// FuzzRead: any body is read or refused; what is read is written to a body that reads
// the same.
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
			t.Fatalf("%d %x %v", again, same, err)
		}
	})
}
