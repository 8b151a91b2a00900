package lib0

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func vectors(t testing.TB) map[string]any {
	b, err := os.ReadFile("../testdata/interop/yjs-vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestVectors checks that integers, strings and any values are encoded to the bytes of npm
// lib0, and decode to the same values.
func TestVectors(t *testing.T) {
	values := map[string]any{
		"undefined": Undefined{}, "null": nil, "-0": math.Copysign(0, -1), "NaN": math.NaN(),
		"Infinity": math.Inf(1), "2^53": float64(1 << 53), "2^53-1": float64(1<<53 - 1),
		"bigint 1": BigInt(1), "bigint -1": BigInt(-1), "bytes": []byte{1, 2, 255},
		"{a:1,b:[true]}": map[string]any{"a": int64(1), "b": []any{true}},
	}
	texts := map[string]string{"empty": "", "lone-high-D83D": "\xed\xa0\xbd", "BOM+a": "\uFEFFa"}
	n := 0
	for name, want := range vectors(t) {
		kind, arg, _ := strings.Cut(name, " ")
		var got []byte
		switch kind {
		case "varuint":
			v, err := json.Number(arg).Int64()
			if err != nil {
				t.Fatal(err)
			}
			got = AppendUvarint(nil, uint64(v))
			r := NewReader(got)
			if back, err := r.Uvarint(); back != uint64(v) || err != nil || r.Len() > 0 || len(got) != UvarintLen(back) {
				t.Errorf("%s decodes to %d, %v", name, back, err)
			}
		case "varint":
			digits, negative := strings.CutPrefix(arg, "-")
			v, err := json.Number(digits).Int64()
			if err != nil {
				t.Fatal(err)
			}
			got = AppendVarint(nil, negative, uint64(v))
			r := NewReader(got)
			if sign, back, err := r.Varint(); sign != negative || back != uint64(v) || err != nil || r.Len() > 0 {
				t.Errorf("%s decodes to negative=%v %d, %v", name, sign, back, err)
			}
		case "varstring":
			text, special := texts[arg]
			if !special {
				text = arg
			}
			if arg == "lone-high-D83D" {
				text = "\xff" // Go strings cannot hold lone surrogates: another invalid byte instead
			}
			got = AppendVarString(nil, text)
			r := NewReader(got)
			if back, err := r.VarString(); back != strings.ToValidUTF8(text, "\uFFFD") || err != nil {
				t.Errorf("%s decodes to %q, %v", name, back, err)
			}
		case "any":
			v, special := values[arg]
			if !special {
				if err := json.Unmarshal([]byte(arg), &v); err != nil {
					t.Fatal(name, err)
				}
			}
			var err error
			if got, err = AppendAny(nil, v); err != nil {
				t.Fatal(err)
			}
			r := NewReader(got)
			back, err := r.Any()
			again, _ := AppendAny(nil, back)
			if err != nil || r.Len() > 0 || !bytes.Equal(got, again) {
				t.Errorf("%s decodes to %v, %v", name, back, err)
			}
			if r = NewReader(got); r.SkipAny() != nil || r.Len() > 0 {
				t.Errorf("%s: SkipAny does not end behind the value", name)
			}
		default:
			continue
		}
		n++
		if hex.EncodeToString(got) != want {
			t.Errorf("%s: encoded %x, npm lib0 %s", name, got, want)
		}
	}
	if n < 50 {
		t.Errorf("only %d vectors were checked, want at least 50", n)
	}
}

// TestInvalidInputIsRefused checks that input on which npm lib0 or a browser would throw or
// exhaust its memory is an error.
func TestInvalidInputIsRefused(t *testing.T) {
	nested := append(bytes.Repeat([]byte{TagArray, 1}, MaxDepth), TagNull)
	for name, c := range map[string]struct {
		bytes []byte
		read  func(*Reader) error
		want  error
	}{
		"no bytes":               {nil, uvarint, ErrShort},
		"unfinished":             {[]byte{0x80}, uvarint, ErrShort},
		"2^53":                   {[]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10}, uvarint, ErrOverflow},
		"2^64":                   {[]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2}, uvarint, ErrOverflow},
		"endless padding":        {bytes.Repeat([]byte{0x80}, 11), uvarint, ErrOverflow},
		"length beyond the end":  {[]byte{5, 'a'}, text, ErrShort},
		"length beyond memory":   {[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f}, text, ErrShort},
		"not UTF-8":              {[]byte{1, 0xff}, text, ErrUTF8},
		"a surrogate":            {[]byte{3, 0xed, 0xa0, 0xbd}, text, ErrUTF8},
		"unknown tag":            {[]byte{115}, (*Reader).SkipAny, ErrTag},
		"an array that lies":     {[]byte{TagArray, 0xff, 0xff, 3, TagNull}, (*Reader).SkipAny, ErrShort},
		"an object that lies":    {[]byte{TagObject, 2, 0, TagNull}, (*Reader).SkipAny, ErrShort},
		"one level too deep":     {nested, (*Reader).SkipAny, ErrDepth},
		"one level too deep, Go": {nested, func(r *Reader) error { _, err := r.Any(); return err }, ErrDepth},
	} {
		r := NewReader(c.bytes)
		if err := c.read(&r); !errors.Is(err, c.want) {
			t.Errorf("%s: error %v, want %v", name, err, c.want)
		}
	}
	padded := NewReader([]byte{0x81, 0})
	if v, err := padded.Uvarint(); v != 1 || err != nil {
		t.Errorf("81 00 decodes to %d, %v, want 1", v, err)
	}
	if _, err := AppendAny(nil, struct{}{}); err == nil {
		t.Error("AppendAny encoded a Go struct, want an error")
	}
}

func uvarint(r *Reader) error { _, err := r.Uvarint(); return err }
func text(r *Reader) error    { _, err := r.VarText(); return err }

// FuzzAny checks that no input makes the reader panic, that SkipAny and Any accept the same
// inputs, and that a decoded value survives encoding and decoding.
func FuzzAny(f *testing.F) {
	for name, v := range vectors(f) {
		if strings.HasPrefix(name, "any ") {
			b, _ := hex.DecodeString(v.(string))
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		skip, decode := NewReader(b), NewReader(b)
		errSkip := skip.SkipAny()
		v, err := decode.Any()
		if (errSkip == nil) != (err == nil) {
			t.Fatalf("SkipAny returns %v, Any returns %v", errSkip, err)
		}
		if err != nil {
			return
		}
		if skip.Offset() != decode.Offset() {
			t.Fatalf("SkipAny ends at offset %d, Any at %d", skip.Offset(), decode.Offset())
		}
		once, err := AppendAny(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(once)
		again, err := r.Any()
		if err != nil {
			t.Fatal(err)
		}
		twice, _ := AppendAny(nil, again)
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Fatal(diff)
		}
	})
}

// FuzzReader checks that integers and strings are decoded or refused without a panic, and
// that a decoded value encodes to no more bytes than it was decoded from.
func FuzzReader(f *testing.F) {
	f.Add([]byte{0x81, 0}, uint8(0))
	f.Add([]byte{0xc0, 1}, uint8(1))
	f.Add([]byte{2, 'h', 'i'}, uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		r := NewReader(b)
		var again []byte
		var err error
		switch kind % 3 {
		case 0:
			var v uint64
			v, err = r.Uvarint()
			again = AppendUvarint(nil, v)
			if v > MaxSafe {
				t.Fatal(v)
			}
		case 1:
			var negative bool
			var v uint64
			negative, v, err = r.Varint()
			again = AppendVarint(nil, negative, v)
			if v > MaxSafe {
				t.Fatal(v)
			}
		case 2:
			var s string
			s, err = r.VarString()
			again = AppendVarString(nil, s)
		}
		if err == nil && len(again) > r.Offset() {
			t.Fatalf("a value decoded from %x encodes to %x, which is longer", b[:r.Offset()], again)
		}
	})
}
