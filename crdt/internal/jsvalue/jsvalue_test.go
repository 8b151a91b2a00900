package jsvalue

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"weft/crdt/lib0"
)

// FuzzJSON: a JSON text becomes the value that encoding/json reads, and its JSON text
// and value stay the same from then on.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"b":1,"a":[true,null],"2":"x","1":{"z":0,"y":-0}}`, `"\ud83d\ud83d\ude00\udc00\u00e9\/"`, ` [ 1e999 , -1.5e-7, 3000000000 ] `,
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"a":{"k":0,"k":[]},"10":0,"9":1}`, `{}`, `[[],{},""]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if !utf8.Valid(text) || CheckJSON(text) != nil {
			return // updates with this text are refused
		}
		once, err := new(Parser).Append(nil, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r := lib0.NewReader(once)
		got, err := r.Any()
		if err != nil || r.Len() > 0 {
			t.Fatalf("%s is %x: %v", text, once, err)
		}
		var want any
		if err := json.Unmarshal(text, &want); err == nil && !reflect.DeepEqual(floats(got), want) {
			t.Fatalf("%s is %v, want %v", text, got, want)
		}
		r = lib0.NewReader(once)
		plain, err := new(Stringifier).Append(nil, &r)
		if err != nil || !json.Valid(plain) || r.Len() > 0 {
			t.Fatalf("%x is %s: %v", once, plain, err)
		}
		twice, err := new(Parser).Append(nil, plain)
		if err != nil {
			t.Fatalf("%s: %v", plain, err)
		}
		r = lib0.NewReader(twice)
		again, err := new(Stringifier).Append(nil, &r)
		if err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("%s, again %s: %v", plain, again, err)
		}
	})
}

// floats makes integers float64, and -0 into 0, as in what encoding/json reads.
func floats(v any) any {
	switch v := v.(type) {
	case int64:
		return float64(v)
	case float64:
		if v == 0 {
			return math.Copysign(v, 1)
		}
	case []any:
		for i := range v {
			v[i] = floats(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = floats(v[key])
		}
	}
	return v
}

// TestJSONAsBrowsers promises: values go from JSON to any and back as through JSON.parse
// and JSON.stringify.
func TestJSONAsBrowsers(t *testing.T) {
	for text, want := range map[string]string{
		`{"b":1,"a":[true,null],"2":"x","1":{}}`:                          `{"1":{},"2":"x","b":1,"a":[true,null]}`,
		`{"a":1,"b":2,"a":3}`:                                             `{"a":3,"b":2}`,
		` [ 1.0 , -0, 1e21, 1e-7, 1.5e-7, 123456789012345680000, 1e-6 ] `: `[1,0,1e+21,1e-7,1.5e-7,123456789012345680000,0.000001]`,
		`"<&>\u2028\u001f\n\"\\\/\u00e9"`:                                 "\"<&>\u2028\\u001f\\n\\\"\\\\/é\"",
		`1e999`:                                                           `null`, `"\ud83d"`: "\"\uFFFD\"", `"\ud83d\ude00"`: `"😀"`, `{"":0}`: `{"":0}`,
		`{"4294967295":1,"4294967294":2,"01":3}`: `{"4294967294":2,"4294967295":1,"01":3}`,
	} {
		value, err := new(Parser).Append(nil, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		r := lib0.NewReader(value)
		if got, err := new(Stringifier).Append(nil, &r); err != nil || string(got) != want || r.Len() > 0 {
			t.Errorf("%s: %s, want %s, %v", text, got, want, err)
		}
	}
	deep := strings.Repeat("[", lib0.MaxDepth) + "1" + strings.Repeat("]", lib0.MaxDepth)
	value, err := new(Parser).Append(nil, []byte(deep))
	r := lib0.NewReader(value)
	if got, err2 := new(Stringifier).Append(nil, &r); err != nil || err2 != nil || string(got) != deep {
		t.Errorf("as deep as may be: %s, %v, %v", got, err, err2)
	}
	r = lib0.NewReader(append([]byte{lib0.TagArray, 1}, value...))
	if _, err := new(Stringifier).Append(nil, &r); err != lib0.ErrDepth {
		t.Errorf("deeper: %v", err)
	}
	for _, bad := range []string{"7f", "7a0000000000000001", "75017a0000000000000001", "00", ""} {
		b, _ := hex.DecodeString(bad)
		r := lib0.NewReader(b)
		if got, err := new(Stringifier).Append(nil, &r); err == nil {
			t.Errorf("%s: %s", bad, got)
		}
	}
}
