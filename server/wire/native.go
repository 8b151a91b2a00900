package wire

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"weft/crdt/lib0"
)

// Subprotocol is the native dialect's name in Sec-WebSocket-Protocol.
const Subprotocol = "weft.1"

// MaxChannel is the largest channel number a client may choose.
const MaxChannel = 1_000_000

// SyncOverhead is the most bytes that a native frame adds to the update in it:
// the channel (up to 3), the type, the kind of sync message, and the update's
// length (up to 5).
const SyncOverhead = 10

// DecodeFrame splits a native frame into its channel and its body.
func DecodeFrame(frame []byte) (channel uint64, b Body, err error) {
	r := lib0.NewReader(frame)
	channel, err = r.Uvarint()
	if err != nil {
		return 0, Body{}, fmt.Errorf("%w: channel: %w", ErrFrame, err)
	}
	if channel > MaxChannel {
		return 0, Body{}, fmt.Errorf("%w: channel %d, the largest is %d", ErrFrame, channel, MaxChannel)
	}
	b, err = DecodeBody(frame[len(frame)-r.Len():])
	return channel, b, err
}

// AppendFrame appends a native frame.
func AppendFrame(dst []byte, channel uint64, body []byte) []byte {
	return append(lib0.AppendUvarint(dst, channel), body...)
}

// EncodeEvent returns the body of the event name with v, which has the shape
// that v has in JSON: an object of the HTTP API is the same object here.
func EncodeEvent(name string, v any) ([]byte, error) {
	plain, err := jsonShape(v)
	if err != nil {
		return nil, fmt.Errorf("wire: encode event %s: %w", name, err)
	}
	var buf bytes.Buffer
	buf.WriteByte(byte(TypeEvent))
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	if err := enc.Encode([]any{name, plain}); err != nil {
		return nil, fmt.Errorf("wire: encode event %s: %w", name, err)
	}
	return buf.Bytes(), nil
}

// jsonShape turns v into maps, slices, strings, numbers and booleans, as its
// JSON has them. Whole numbers become int64.
func jsonShape(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var plain any
	if err := dec.Decode(&plain); err != nil {
		return nil, err
	}
	return numbers(plain), nil
}

func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = numbers(e)
		}
	case []any:
		for i, e := range v {
			v[i] = numbers(e)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, _ := v.Float64()
		return f
	}
	return v
}

// Event is an event as it arrived, scanned and not yet decoded.
type Event struct {
	Name string
	data []byte // msgpack of the map
}

// DecodeEvent reads the payload of a TypeEvent body. It scans all of it first
// (see Scan), so that decoding costs no more than the payload's size.
func DecodeEvent(payload []byte) (Event, error) {
	if err := Scan(payload, MaxDepth); err != nil {
		return Event{}, err
	}
	r := bytes.NewReader(payload)
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.Reset(r)
	n, err := dec.DecodeArrayLen()
	if err != nil || n < 2 {
		return Event{}, fmt.Errorf("%w: an event is an array [name, map]", ErrFrame)
	}
	name, err := dec.DecodeString()
	if err != nil {
		return Event{}, fmt.Errorf("%w: event name: %w", ErrFrame, err)
	}
	data, err := dec.DecodeRaw()
	if err != nil {
		return Event{}, fmt.Errorf("%w: event %q: %w", ErrFrame, name, err)
	}
	return Event{Name: name, data: data}, nil
}

// Into decodes the event's map into *v, a struct of plain fields with json
// tags. Unknown keys are passed over.
func (e Event) Into(v any) error {
	dec := msgpack.GetDecoder()
	defer msgpack.PutDecoder(dec)
	dec.Reset(bytes.NewReader(e.data))
	dec.SetCustomStructTag("json")
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%w: event %q: %w", ErrFrame, e.Name, err)
	}
	return nil
}
