package wire

import (
	"bytes"
	"fmt"

	"github.com/vmihailenco/msgpack/v5"

	"weft/crdt/lib0"
)

// Subprotocol names the native dialect in the header Sec-WebSocket-Protocol.
const Subprotocol = "weft.1"

// MaxChannel is the largest channel number a client may choose.
const MaxChannel = 1_000_000

// SyncOverhead is the most bytes that a native frame adds to the update in it:
// the channel (up to 3), the type, the kind of sync message, and the update's
// length (up to 5).
const SyncOverhead = 10

// DecodeFrame splits a native frame into its channel number and its body, which
// refers to frame. Errors wrap ErrFrame.
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

// AppendFrame appends a native frame: the channel number and the body.
func AppendFrame(dst []byte, channel uint64, body []byte) []byte {
	return append(lib0.AppendUvarint(dst, channel), body...)
}

// EncodeEvent returns the body of an event as a client program writes it. data
// is an object: a map with string keys or a struct with json tags, of strings,
// numbers, booleans, slices and such objects. The server's own events are encoded
// by package event, which follows all rules of encoding/json.
func EncodeEvent(name string, data any) ([]byte, error) {
	var buf bytes.Buffer
	buf.WriteByte(byte(TypeEvent))
	enc := msgpack.GetEncoder()
	defer msgpack.PutEncoder(enc)
	enc.Reset(&buf)
	enc.UseCompactInts(true)
	enc.SetSortMapKeys(true)
	enc.SetCustomStructTag("json")
	if err := enc.Encode([]any{name, data}); err != nil {
		return nil, fmt.Errorf("wire: encode event %s: %w", name, err)
	}
	return buf.Bytes(), nil
}

// Event is a received event. Its msgpack has been scanned, and its object is not
// decoded yet.
type Event struct {
	Name string
	data []byte // msgpack of the object
}

// DecodeEvent reads the payload of a TypeEvent body. It scans the whole payload
// first (see Scan), so that the memory and time of decoding are bounded by the
// payload's size. Errors wrap ErrFrame. The Event refers to payload.
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
		return Event{}, fmt.Errorf("%w: an event is an array [name, object]", ErrFrame)
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

// Into decodes the event's object into *v, a struct of plain fields with json
// tags. Unknown members are ignored. Errors wrap ErrFrame.
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
