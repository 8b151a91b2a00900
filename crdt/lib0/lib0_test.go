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

// TestVectors promises: integers, strings and any values are the bytes of npm lib0, and
// read back as they were.
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
				t.Errorf("%s reads back as %d, %v", name, back, err)
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
				t.Errorf("%s reads back as %v %d, %v", name, sign, back, err)
			}
		case "varstring":
			text, special := texts[arg]
			if !special {
				text = arg
			}
			if arg == "lone-high-D83D" {
				text = "\xff" // Go has no lone surrogates; another invalid byte
			}
			got = AppendVarString(nil, text)
			r := NewReader(got)
			if back, err := r.VarString(); back != strings.ToValidUTF8(text, "\uFFFD") || err != nil {
				t.Errorf("%s reads back as %q, %v", name, back, err)
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
				t.Errorf("%s reads back as %v, %v", name, back, err)
			}
			if r = NewReader(got); r.SkipAny() != nil || r.Len() > 0 {
				t.Errorf("%s is not skipped", name)
			}
		default:
			continue
		}
		n++
		if hex.EncodeToString(got) != want {
			t.Errorf("%s: %x, lib0 %s", name, got, want)
		}
	}
	if n < 50 {
		t.Errorf("only %d vectors", n)
	}
}

// TestRefused promises: what lib0 or a browser would choke on is an error.
func TestRefused(t *testing.T) {
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
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	padded := NewReader([]byte{0x81, 0})
	if v, err := padded.Uvarint(); v != 1 || err != nil {
		t.Errorf("81 00 is %d, %v", v, err)
	}
	if _, err := AppendAny(nil, struct{}{}); err == nil {
		t.Error("a struct was encoded")
	}
}

func uvarint(r *Reader) error { _, err := r.Uvarint(); return err }
func text(r *Reader) error    { _, err := r.VarText(); return err }

// FuzzAny: no bytes make the reader panic, skipping and decoding agree, and what is
// decoded encodes to something that decodes to the same.
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
			t.Fatalf("skip %v, decode %v", errSkip, err)
		}
		if err != nil {
			return
		}
		if skip.Offset() != decode.Offset() {
			t.Fatalf("skip ends at %d, decode at %d", skip.Offset(), decode.Offset())
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

// FuzzReader: integers and strings of any bytes are read or refused, and what is read
// encodes to no more bytes than it took.
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
			t.Fatalf("%x read from %x", again, b[:r.Offset()])
		}
	})
}
