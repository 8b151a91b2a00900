package event

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vmihailenco/msgpack/v5"

	"weft/presence"
	"weft/server/store"
	"weft/server/wire"
)

var seed = flag.Uint64("seed", 0, "seed of the random values; 0: a new one")

// encodeByWayOfJSON is how native events were encoded before: the event's JSON,
// decoded and encoded again as msgpack. It is the reference for the encoder.
func encodeByWayOfJSON(e Event) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	buf.WriteByte(byte(wire.TypeEvent))
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := enc.Encode([]any{e.EventName(), convertNumbers(plain)}); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

// TestNativeFormSaysWhatJSONSays compares, for random values of every event, the
// native form with the reference byte by byte, and the object in each wire form
// with the event's JSON.
func TestNativeFormSaysWhatJSONSays(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("go test ./server/event -run %s -seed %d", t.Name(), *seed)
	r := rand.New(rand.NewPCG(*seed, 0))
	for _, zero := range append(FromServer(), FromClient()...) {
		for range 100 {
			v := reflect.New(reflect.TypeOf(zero)).Elem()
			fill(r, v)
			check(t, v.Interface().(Event))
		}
		check(t, zero)
	}
}

func check(t *testing.T, e Event) {
	t.Helper()
	want, err := encodeByWayOfJSON(e)
	if err != nil {
		t.Fatalf("%T: %v", e, err)
	}
	encoded := New(e)
	got := encoded.Native()
	if !bytes.Equal(got, want) {
		t.Fatalf("%T %s:\n native form %x,\nby way of JSON %x", e, encoded.JSON(), got, want)
	}
	object := decodeJSON(t, encoded.JSON())
	decoded, err := wire.DecodeEvent(got[1:])
	if err != nil {
		t.Fatalf("%T: decode the native form: %v", e, err)
	}
	var native any
	if err := decoded.Into(&native); err != nil {
		t.Fatalf("%T: decode the native form: %v", e, err)
	}
	if text, err := json.Marshal(native); err != nil || decoded.Name != e.EventName() {
		t.Fatalf("%T: the native form has the name %q, %v", e, decoded.Name, err)
	} else if diff := cmp.Diff(object, decodeJSON(t, text)); diff != "" {
		t.Fatalf("%T: JSON and native form differ:\n%s", e, diff)
	}
	if got, want := string(encoded.SSE()), fmt.Sprintf("event: %s\ndata: %s\n\n", e.EventName(), encoded.JSON()); got != want {
		t.Fatalf("%T: server-sent event %q, want %q", e, got, want)
	}
	m, err := wire.DecodeHocuspocus(append(wire.AppendAddress(nil, []byte("r")), encoded.Stateless()...))
	if err != nil || m.Type != wire.TypeStateless {
		t.Fatalf("%T: the stateless message has type %d, %v", e, m.Type, err)
	}
	stateless := map[string]any{"weft": "event", "name": e.EventName(), "data": object}
	if diff := cmp.Diff(any(stateless), decodeJSON(t, m.Payload)); diff != "" {
		t.Fatalf("%T: stateless message:\n%s", e, diff)
	}
}

func decodeJSON(t *testing.T, text []byte) (v any) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// fill gives v a random value, corner cases among them.
func fill(r *rand.Rand, v reflect.Value) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(pick(r, time.Time{}, time.UnixMilli(r.Int64N(1<<41)).UTC(), time.Unix(r.Int64N(1<<31), r.Int64N(1e9)).UTC())))
		return
	case json.RawMessage:
		v.SetBytes([]byte(pick(r, "", `{}`, `null`, `{"text":"a","at":[1,-5,1.5,9007199254740993,1e+300,true,null,{"b":"\u2028"}]}`)))
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(pick(r, 0, 1, -1, 127, 128, 255, 256, 65536, math.MaxInt64, math.MinInt64, r.Int64()))
	case reflect.Uint64:
		v.SetUint(pick(r, 0, 1, 255, 1<<32, uint64(r.Int64())))
	case reflect.String:
		v.SetString(pick(r, "", "ana", "Ana 😀 <b>&amp;", "\xff\xfe", "cut \xe2\x82", "\x00\u2028\u2029\"\\", strings.Repeat("x", r.IntN(300)), strings.Repeat("é", 1<<r.IntN(13))))
	case reflect.Pointer:
		if r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(r, v.Elem())
		}
	case reflect.Slice:
		if n := pick(r, -1, 0, 1, 2, 20); n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(r, v.Index(i))
			}
		}
	case reflect.Map:
		if n := pick(r, -1, 0, 1, 3); n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
			for range n {
				key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				key.SetString(pick(r, "a", "é", "", "ben", fmt.Sprint(r.IntN(100))))
				fill(r, value)
				v.SetMapIndex(key, value)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	default:
		panic(fmt.Sprintf("no random value of type %v", v.Type()))
	}
}

func pick[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// TestFormsAreMadeOnceForAllReceivers has many receivers ask for every form at
// once: all of them must get the same bytes, not copies.
func TestFormsAreMadeOnceForAllReceivers(t *testing.T) {
	e := New(sampleMessage())
	forms := []func() []byte{e.Native, e.JSON, e.SSE, e.Stateless}
	var all sync.WaitGroup
	got := make([][4]*byte, 50)
	for i := range got {
		all.Go(func() {
			for j, form := range forms {
				got[i][j] = &form()[0]
			}
		})
	}
	all.Wait()
	for i := range got {
		if got[i] != got[0] {
			t.Fatalf("receiver %d got other bytes than receiver 0", i)
		}
	}
}

// TestNamesAreUnique: two events of one name would need one type in the SDK. The
// first event of a stream is the exception: its two kinds come on two addresses.
func TestNamesAreUnique(t *testing.T) {
	for _, events := range [][]Event{FromServer(), FromClient()} {
		names := map[string]Event{}
		for _, e := range events {
			if other, taken := names[e.EventName()]; taken && e.EventName() != "connected" {
				t.Errorf("%T and %T have the name %q", other, e, e.EventName())
			}
			names[e.EventName()] = e
		}
	}
}

func sampleMessage() Message {
	at := time.Date(2026, 11, 22, 10, 0, 0, 500e6, time.UTC)
	return Message{store.Message{
		ID: "01JD3Y5T7Q8W9E0R1T2Y3U4I5O", Room: "class/7/notes", Seq: 4294967296, Rev: 4294967301, Version: 1,
		User: store.User{ID: "ana", Name: "Ana 😀"}, Text: "a line of chat of an ordinary length, @ben",
		Mentions: []store.Mention{{User: "ben"}}, Reactions: []store.Reaction{{Emoji: "👍", Users: []string{"ben", "cy"}}}, CreatedAt: at,
	}}
}

func samplePresence() Presence {
	at, count := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), 3
	return Presence{
		Joins:  []presence.Person{{ID: "ana", Name: "Ana", Slot: 7, Status: presence.Online, Devices: 1, Since: at}, {ID: "cy", Name: "Cy", Status: presence.Away, Since: at}},
		Leaves: []string{"ben"}, Count: &count,
	}
}

// BenchmarkEncodeEvent asks what the native form of an event costs: straight
// from the struct, and by way of JSON as before.
func BenchmarkEncodeEvent(b *testing.B) {
	for _, e := range []Event{sampleMessage(), samplePresence(), Typing{Users: []presence.Typist{{ID: "ana", Name: "Ana"}}}} {
		b.Run(e.EventName()+"/struct", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encodeNative(e); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(e.EventName()+"/json", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := encodeByWayOfJSON(e); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
