package wire

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	"weft/crdt/ysync"
	"weft/presence/awareness"
)

// TestYjsFrames promises: frames that y-protocols wrote are decoded, and encoded
// again to the same bytes.
func TestYjsFrames(t *testing.T) {
	b, err := os.ReadFile("../../crdt/testdata/interop/yjs-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors map[string]any
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Body{
		"sync step1":             {Type: TypeSync, Sync: ysync.Step1},
		"sync step1 (empty doc)": {Type: TypeSync, Sync: ysync.Step1},
		"sync step2 full":        {Type: TypeSync, Sync: ysync.Step2},
		"sync step2 nothing new": {Type: TypeSync, Sync: ysync.Step2},
		"sync update":            {Type: TypeSync, Sync: ysync.Update},
		"awareness msg":          {Type: TypeAwareness},
		"awareness null msg":     {Type: TypeAwareness},
		"queryAwareness":         {Type: TypeQueryAwareness},
		"auth denied":            {Type: TypeAuth},
	} {
		frame, err := hex.DecodeString(vectors[name].(string))
		if err != nil {
			t.Fatal(name, err)
		}
		got, err := DecodeBody(frame)
		if err != nil || got.Type != want.Type || got.Sync != want.Sync {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
		again := frame
		switch {
		case got.Type == TypeAwareness:
			states, err := awareness.Decode(got.Payload)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			again = AppendAwareness(nil, awareness.Append(nil, states))
		case got.Type != TypeSync:
		case got.Sync == ysync.Step1:
			again = AppendStep1(nil, got.Payload)
		case got.Sync == ysync.Step2:
			again = AppendStep2(nil, got.Payload)
		default:
			again = AppendUpdate(nil, got.Payload)
		}
		if !bytes.Equal(again, frame) {
			t.Errorf("%s: %x is written as %x", name, frame, again)
		}
	}
}
