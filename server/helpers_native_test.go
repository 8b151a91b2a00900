package server

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/vmihailenco/msgpack/v5"

	"weft/server/wire"
)

// nativeClient is a WebSocket that speaks the native dialect, weft.1.
type nativeClient struct {
	t      *testing.T
	ws     *websocket.Conn
	joined map[string]any // the value of the "joined" event
	frames chan []byte    // frames read by readInBackground; nil if it does not run
}

// dialNative opens a connection and sends nothing yet.
func (s *testServer) dialNative(t *testing.T) *nativeClient {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	ws, _, err := d.DialContext(t.Context(), "ws://"+s.host+"/socket", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	return &nativeClient{t: t, ws: ws}
}

// sendBody sends a body on a channel. Channel 0 is the connection itself.
func (c *nativeClient) sendBody(channel uint64, body []byte) {
	c.t.Helper()
	if err := c.ws.WriteMessage(websocket.BinaryMessage, wire.AppendFrame(nil, channel, body)); err != nil {
		c.t.Fatal(err)
	}
}

// sendEvent sends a named event on a channel.
func (c *nativeClient) sendEvent(channel uint64, name string, v any) {
	c.t.Helper()
	body, err := wire.EncodeEvent(name, v)
	if err != nil {
		c.t.Fatal(err)
	}
	c.sendBody(channel, body)
}

// received is one frame from the server.
type received struct {
	channel uint64
	wire.Body
	name  string         // of an event
	value map[string]any // of an event
	raw   []byte
}

// readInBackground starts to read all frames as they arrive, so that the library
// answers the server's pings while the test does not read.
func (c *nativeClient) readInBackground() {
	c.frames = make(chan []byte, 4096)
	_ = c.ws.SetReadDeadline(time.Time{})
	go func() { // until the connection is closed
		defer close(c.frames)
		for {
			_, frame, err := c.ws.ReadMessage()
			if err != nil {
				return
			}
			select {
			case c.frames <- frame:
			case <-c.t.Context().Done():
			}
		}
	}()
}

// readFrame returns the next frame, or an error if none arrives within 90 s.
func (c *nativeClient) readFrame() ([]byte, error) {
	if c.frames == nil {
		_ = c.ws.SetReadDeadline(time.Now().Add(90 * time.Second))
		_, frame, err := c.ws.ReadMessage()
		return frame, err
	}
	select {
	case frame, ok := <-c.frames:
		if !ok {
			return nil, io.EOF
		}
		return frame, nil
	case <-time.After(90 * time.Second):
		return nil, os.ErrDeadlineExceeded
	}
}

// readMessage returns the next frame, decoded.
func (c *nativeClient) readMessage() (received, error) {
	frame, err := c.readFrame()
	if err != nil {
		return received{}, err
	}
	channel, b, err := wire.DecodeFrame(frame)
	if err != nil {
		c.t.Fatalf("frame %x: %v", frame, err)
	}
	g := received{channel: channel, Body: b, raw: frame}
	if b.Type == wire.TypeEvent {
		var pair []any
		if err := msgpack.Unmarshal(b.Payload, &pair); err != nil {
			c.t.Fatal(err)
		}
		g.name = pair[0].(string)
		g.value = pair[1].(map[string]any)
	}
	return g, nil
}

// waitFor reads frames until one matches, and returns that one.
func (c *nativeClient) waitFor(what string, matches func(received) bool) received {
	c.t.Helper()
	for {
		g, err := c.readMessage()
		if err != nil {
			c.t.Fatalf("waiting for %s: %v", what, err)
		}
		if matches(g) {
			return g
		}
	}
}

// waitForEvent reads frames until an event of that name arrives, and returns its value.
func (c *nativeClient) waitForEvent(name string) map[string]any {
	c.t.Helper()
	return c.waitFor(name, func(g received) bool { return g.name == name }).value
}

// joinRoom opens a connection, sends hello and joins the room on channel 1.
func (s *testServer) joinRoom(t *testing.T, g testUser, room string) *nativeClient {
	t.Helper()
	c := s.dialNative(t)
	c.sendEvent(0, "hello", map[string]string{"token": g.Token})
	if w := c.waitForEvent("welcome"); fmt.Sprint(w["user"]) != fmt.Sprint(map[string]any{"id": g.User.ID, "name": g.User.Name}) {
		t.Fatalf("welcome names %v, want %v", w["user"], g.User)
	}
	c.sendEvent(0, "join", map[string]any{"channel": 1, "room": room})
	first, err := c.readMessage()
	c.joined = first.value
	if err != nil || first.name != "joined" || first.channel != 1 {
		t.Fatalf("the answer to a join is %+v, error %v", first, err)
	}
	return c
}

// sendRequest makes a chat request and returns the value of the answer, "done" or
// "failed". Only "failed" has a status.
func (c *nativeClient) sendRequest(name string, in map[string]any) map[string]any {
	c.t.Helper()
	ref := fmt.Sprint(name, " ", time.Now().UnixNano())
	in["ref"] = ref
	c.sendEvent(1, name, in)
	return c.waitFor("the answer to "+name, func(g received) bool {
		return (g.name == "done" || g.name == "failed") && g.value["ref"] == ref
	}).value
}

// waitForChange waits until message.changed arrives for that message with all of the
// wanted fields, each "key=value". It returns the event's value.
func (c *nativeClient) waitForChange(id string, want ...string) map[string]any {
	c.t.Helper()
	return c.waitFor(fmt.Sprintf("message.changed of %s with %v", id, want), func(g received) bool {
		if g.name != "message.changed" || g.value["id"] != id {
			return false
		}
		for _, w := range want {
			key, value, _ := strings.Cut(w, "=")
			if fmt.Sprint(g.value[key]) != value {
				return false
			}
		}
		return true
	}).value
}

// tryPostMessage posts on the connection. It returns the status of the answer, and for
// a refusal the seconds to wait.
func (c *nativeClient) tryPostMessage(id string) (status, retry int) {
	c.t.Helper()
	c.sendEvent(1, "send", map[string]any{"id": id, "text": "hello"})
	g := c.waitFor("the answer to "+id, func(g received) bool {
		return (g.name == "sent" || g.name == "unsent") && fmt.Sprint(g.value["id"]) == id
	})
	if g.name == "sent" {
		return http.StatusCreated, 0
	}
	number := func(key string) int {
		n, _ := strconv.Atoi(fmt.Sprint(g.value[key]))
		return n
	}
	return number("status"), number("retryAfter")
}
