package e2e

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/wire"
)

// A socket is a connection that speaks weft.1, the native dialect, and has joined one room
// on channel 1.
type socket struct {
	conn   *websocket.Conn
	joined joined
}

// joined is the server's answer to a join.
type joined struct {
	LastSeq int `json:"lastSeq"`
	LastRev int `json:"lastRev"`
}

// dialSocket opens a connection, authenticates it with the token, and joins the room.
func dialSocket(ctx context.Context, host, token, room string) (*socket, error) {
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: timeout}
	conn, resp, err := d.DialContext(ctx, "ws://"+host+"/socket", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("dial: %s: %w", resp.Status, err)
		}
		return nil, err
	}
	s := &socket{conn: conn}
	if err := s.joinRoom(room); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

// joinRoom sends hello and join, and waits for the answer to the join. Events before it
// are ignored.
func (s *socket) joinRoom(room string) error {
	if err := s.sendEvent(0, "hello", map[string]any{}); err != nil {
		return err
	}
	if err := s.sendEvent(0, "join", map[string]any{"channel": 1, "room": room}); err != nil {
		return err
	}
	s.conn.SetReadDeadline(time.Now().Add(timeout))
	for {
		e, err := s.readEvent()
		switch {
		case err != nil:
			return err
		case e.Name == "refused":
			var why struct{ Reason string }
			if err := e.Into(&why); err != nil {
				return err
			}
			return fmt.Errorf("refused: %s", why.Reason)
		case e.Name == "joined":
			s.conn.SetReadDeadline(time.Time{})
			return e.Into(&s.joined)
		}
	}
}

// sendEvent sends an event. One goroutine at a time may call it.
func (s *socket) sendEvent(channel uint64, name string, v any) error {
	body, err := wire.EncodeEvent(name, v)
	if err != nil {
		return err
	}
	s.conn.SetWriteDeadline(time.Now().Add(timeout))
	return s.conn.WriteMessage(websocket.BinaryMessage, wire.AppendFrame(nil, channel, body))
}

// readEvent returns the next event. It ignores updates and awareness. One goroutine at a
// time may call it.
func (s *socket) readEvent() (wire.Event, error) {
	for {
		_, frame, err := s.conn.ReadMessage()
		if err != nil {
			return wire.Event{}, err
		}
		_, body, err := wire.DecodeFrame(frame)
		if err != nil {
			return wire.Event{}, err
		}
		if body.Type == wire.TypeEvent {
			return wire.DecodeEvent(body.Payload)
		}
	}
}

// reset closes the TCP connection with RST, so without a close frame, and drops all unsent
// bytes.
func (s *socket) reset() {
	if tcp, ok := s.conn.NetConn().(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	s.conn.Close()
}
