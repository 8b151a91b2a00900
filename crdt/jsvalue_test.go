package crdt

import (
	"bytes"
	"encoding/json"
	"math"
	"reflect"
	"testing"

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
		var w wire
		r := lib0.NewReader(lib0.AppendVarBytes([]byte{kindEmbedInfo, 1, 0}, text))
		if err := w.read(&r, 2, 0); err != nil {
			return // not a JSON text that may come
		}
		once, err := new(jsonToAny).append(nil, text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		r = lib0.NewReader(once)
		got, err := r.Any()
		if err != nil || r.Len() > 0 {
			t.Fatalf("%s is %x: %v", text, once, err)
		}
		var want any
		if err := json.Unmarshal(text, &want); err == nil && !reflect.DeepEqual(floats(got), want) {
			t.Fatalf("%s is %v, want %v", text, got, want)
		}
		r = lib0.NewReader(once)
		plain, err := new(anyToJSON).append(nil, &r)
		if err != nil || !json.Valid(plain) || r.Len() > 0 {
			t.Fatalf("%x is %s: %v", once, plain, err)
		}
		twice, err := new(jsonToAny).append(nil, plain)
		if err != nil {
			t.Fatalf("%s: %v", plain, err)
		}
		r = lib0.NewReader(twice)
		again, err := new(anyToJSON).append(nil, &r)
		if err != nil || !bytes.Equal(again, plain) {
			t.Fatalf("%s, again %s: %v", plain, again, err)
		}
	})
}

const kindEmbedInfo = byte(kindEmbed) | infoOrigin

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
