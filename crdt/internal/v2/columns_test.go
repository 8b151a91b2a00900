package v2

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// TestColumns promises: the coders write what those of lib0 write, and read it back.
func TestColumns(t *testing.T) {
	vectors := readVectors(t)
	for name, values := range map[string][]uint64{
		"RleEncoder(uint8) [1,1,1,7]": {1, 1, 1, 7}, "RleEncoder(uint8) [7,7,7]": {7, 7, 7},
		"UintOptRle []": {}, "UintOptRle [0]": {0}, "UintOptRle [0,0]": {0, 0},
		"UintOptRle [0,0,0,5]": {0, 0, 0, 5}, "UintOptRle [1,2,3,3,3]": {1, 2, 3, 3, 3},
		"UintOptRle [4294967295 x2]": {4294967295, 4294967295},
		"IntDiffOptRle [0]":          {0}, "IntDiffOptRle [1,2,3,2]": {1, 2, 3, 2},
		"IntDiffOptRle [5,5,5]": {5, 5, 5}, "IntDiffOptRle [10,0]": {10, 0},
		"": {codec.MaxClock, 0, codec.MaxClock, codec.MaxClock, 1},
	} {
		var steps deltaRunWriter
		var numbers uintRunWriter
		var runs byteRunWriter
		for _, v := range values {
			steps.write(v)
			numbers.write(v)
			runs.write(byte(v))
		}
		var got []byte
		switch {
		case strings.HasPrefix(name, "Rle"):
			got = runs.buf
		case strings.HasPrefix(name, "Uint"):
			got = numbers.flush()
		default:
			got = steps.flush()
		}
		if name != "" && hex.EncodeToString(got) != vectors[name] {
			t.Errorf("%s: %x, lib0 %v", name, got, vectors[name])
		}
		in := deltaRunReader{r: lib0.NewReader(steps.flush())}
		numbersIn := uintRunReader{r: lib0.NewReader(numbers.flush())}
		runsIn := byteRunReader{r: lib0.NewReader(runs.buf)}
		for i, v := range values {
			if got, err := in.read(); got != v || err != nil {
				t.Errorf("%v: step %d reads %d, %v", values, i, got, err)
			}
			if got, err := numbersIn.read(); got != v || err != nil {
				t.Errorf("%v: number %d reads %d, %v", values, i, got, err)
			}
			if got, err := runsIn.read(); got != byte(v) || err != nil {
				t.Errorf("%v: byte %d reads %d, %v", values, i, got, err)
			}
		}
		if _, err := in.read(); err != lib0.ErrShort {
			t.Errorf("%v: after the last: %v", values, err)
		}
		if _, err := numbersIn.read(); err != lib0.ErrShort {
			t.Errorf("%v: after the last: %v", values, err)
		}
	}
	// "a😀b" cut inside the pair: 2 and 2 units.
	in, err := newTextReader(append([]byte{6}, "a😀b\x42\x00"...))
	first, _, err1 := in.read()
	second, _, err2 := in.read()
	_, _, err3 := in.read()
	if err != nil || err1 != nil || err2 != nil || err3 == nil ||
		string(first) != "a\uFFFD" || string(second) != "\uFFFDb" {
		t.Errorf("%q %q %v %v %v %v", first, second, err, err1, err2, err3)
	}
}

// TestTextColumn promises: the text column of lib0 is read back.
func TestTextColumn(t *testing.T) {
	column, err := hex.DecodeString(readVectors(t)[`StringEncoder ["ab","","😀","c"]`].(string))
	if err != nil {
		t.Fatal(err)
	}
	texts, err := newTextReader(column)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ab", "", "😀", "c"} {
		if got, _, err := texts.read(); string(got) != want || err != nil {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

// readVectors reads what lib0 and Yjs wrote.
func readVectors(t *testing.T) (vectors map[string]any) {
	t.Helper()
	b, err := os.ReadFile("../../testdata/interop/yjs-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	return vectors
}
