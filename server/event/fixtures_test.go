package event_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weft/server/event"
	"weft/server/event/eventtest"
	"weft/server/wire"
)

// fixture is one line of testdata/events.json, which `go run ./web/build`
// writes from eventtest. The tests of the SDK decode the same lines.
type fixture struct {
	From    string          `json:"from"` // server or client
	Name    string          `json:"name"`
	JSON    json.RawMessage `json:"json"`
	Msgpack string          `json:"msgpack"` // [name, object], hex
}

// TestFixturesAreTheBytesOnTheWire promises: this code writes each event as the
// file says, and reads it back as the same object.
func TestFixturesAreTheBytesOnTheWire(t *testing.T) {
	text, err := os.ReadFile("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	var fixtures []fixture
	if err := json.Unmarshal(text, &fixtures); err != nil {
		t.Fatal(err)
	}
	server, client := eventtest.FromServer(), eventtest.FromClient()
	samples := append(server, client...)
	if len(fixtures) != len(samples) {
		t.Fatalf("the file has %d events, want %d: run go run ./web/build", len(fixtures), len(samples))
	}
	for i, f := range fixtures {
		encoded := event.New(samples[i])
		if got := hex.EncodeToString(encoded.Native()[1:]); got != f.Msgpack || f.Name != samples[i].EventName() {
			t.Errorf("%T: got %s %s, the file has %s %s", samples[i], samples[i].EventName(), got, f.Name, f.Msgpack)
		}
		if diff := cmp.Diff(object(t, f.JSON), object(t, encoded.JSON())); diff != "" {
			t.Errorf("%T: JSON differs from the file:\n%s", samples[i], diff)
		}
		raw, err := hex.DecodeString(f.Msgpack)
		if err != nil {
			t.Fatal(err)
		}
		e, err := wire.DecodeEvent(raw)
		var v any
		if err == nil {
			err = e.Into(&v)
		}
		if err != nil || e.Name != f.Name {
			t.Fatalf("%T: decoded as %q, %v", samples[i], e.Name, err)
		}
		native, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(object(t, f.JSON), object(t, native)); diff != "" {
			t.Errorf("%T: msgpack and JSON in the file differ:\n%s", samples[i], diff)
		}
	}
}

func object(t *testing.T, text []byte) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestEveryEventHasASample promises: an event without a fixture fails here.
func TestEveryEventHasASample(t *testing.T) {
	for _, c := range []struct{ all, samples []event.Event }{
		{event.FromServer(), eventtest.FromServer()}, {event.FromClient(), eventtest.FromClient()},
	} {
		var order []reflect.Type
		for _, e := range c.samples {
			if t := reflect.TypeOf(e); len(order) == 0 || order[len(order)-1] != t {
				order = append(order, t)
			}
		}
		if len(order) != len(c.all) {
			t.Fatalf("samples of %d types of events, want %d", len(order), len(c.all))
		}
		for i, e := range c.all {
			if order[i] != reflect.TypeOf(e) {
				t.Errorf("sample %d is a %v, want a %T", i, order[i], e)
			}
		}
	}
}

// TestClientEventsAreDecodedIntoTheirStructs promises: what a client sends comes
// back in the struct of its event.
func TestClientEventsAreDecodedIntoTheirStructs(t *testing.T) {
	for _, sample := range eventtest.FromClient() {
		e, err := wire.DecodeEvent(event.New(sample).Native()[1:])
		if err != nil {
			t.Fatal(err)
		}
		got := reflect.New(reflect.TypeOf(sample))
		if err := e.Into(got.Interface()); err != nil {
			t.Fatalf("%T: %v", sample, err)
		}
		if diff := cmp.Diff(sample, got.Elem().Interface()); diff != "" {
			t.Errorf("%T:\n%s", sample, diff)
		}
	}
}
