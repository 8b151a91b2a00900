package event

import (
	"encoding/json"
	"fmt"
	"sync"

	"weft/server/wire"
)

// Event is a struct of this package, by value.
type Event interface {
	// EventName is the event's name on the wire.
	EventName() string
}

// Encoded is an event on its way to its receivers. It makes each wire form when
// the first receiver needs it, and once: all receivers share the bytes, which
// nobody may change. Safe for concurrent use.
type Encoded struct {
	event Event

	native, json, sse, stateless form
}

// form is one wire form of an event.
type form struct {
	once  sync.Once
	bytes []byte
}

func (f *form) get(encode func() []byte) []byte {
	f.once.Do(func() { f.bytes = encode() })
	return f.bytes
}

// New prepares an event for its receivers. What e refers to must not change
// afterwards, since forms are encoded later.
func New(e Event) *Encoded { return &Encoded{event: e} }

// Event returns the event itself.
func (e *Encoded) Event() Event { return e.event }

// Native returns the body of the native protocol, msgpack straight from the
// struct. A channel number goes before it.
func (e *Encoded) Native() []byte {
	return e.native.get(func() []byte {
		b, err := encodeNative(e.event)
		return must(e.event, b, err)
	})
}

// JSON returns the event's object, without its name.
func (e *Encoded) JSON() []byte {
	return e.json.get(func() []byte {
		b, err := json.Marshal(e.event)
		return must(e.event, b, err)
	})
}

// SSE returns the fields "event" and "data" of a server-sent event, with the
// empty line that ends it. A field "id" goes before it.
func (e *Encoded) SSE() []byte {
	return e.sse.get(func() []byte {
		data := e.JSON()
		b := make([]byte, 0, len(data)+64)
		b = append(append(b, "event: "...), e.event.EventName()...)
		b = append(append(b, "\ndata: "...), data...)
		return append(b, "\n\n"...)
	})
}

// Stateless returns the body of the Hocuspocus dialect: a stateless message. A
// document's address goes before it.
func (e *Encoded) Stateless() []byte {
	return e.stateless.get(func() []byte {
		b, err := json.Marshal(struct {
			Weft string          `json:"weft"`
			Name string          `json:"name"`
			Data json.RawMessage `json:"data"`
		}{"event", e.event.EventName(), e.JSON()})
		return wire.AppendStateless(nil, must(e.event, b, err))
	})
}

// must panics if one of our own structs cannot be encoded: that is a bug here,
// whatever came from a client was checked before it became an event.
func must(e Event, b []byte, err error) []byte {
	if err != nil {
		panic(fmt.Sprintf("event: encode %s: %v", e.EventName(), err))
	}
	return b
}
