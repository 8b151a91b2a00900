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

// A socket is a connection that speaks weft.1 and has joined one room, on
// channel 1.
type socket struct {
	conn *websocket.Conn
	in   joined
}

// joined is the answer to a join.
type joined struct {
	LastSeq int `json:"lastSeq"`
	LastRev int `json:"lastRev"`
}

// dialSocket opens a connection, says who it is, and joins the room. What comes
// before the room's answer is passed over: nothing does.
func dialSocket(ctx context.Context, host, token, room string) (*socket, error) {
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}, HandshakeTimeout: patience}
	conn, resp, err := d.DialContext(ctx, "ws://"+host+"/socket", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("dial: %s: %w", resp.Status, err)
		}
		return nil, err
	}
	s := &socket{conn: conn}
	if err := s.enter(room); err != nil {
		conn.Close()
		return nil, err
	}
	return s, nil
}

func (s *socket) enter(room string) error {
	if err := s.say(0, "hello", map[string]any{}); err != nil {
		return err
	}
	if err := s.say(0, "join", map[string]any{"channel": 1, "room": room}); err != nil {
		return err
	}
	s.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		e, err := s.next()
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
			return e.Into(&s.in)
		}
	}
}

// say sends an event. One goroutine at a time.
func (s *socket) say(channel uint64, name string, v any) error {
	body, err := wire.EncodeEvent(name, v)
	if err != nil {
		return err
	}
	s.conn.SetWriteDeadline(time.Now().Add(patience))
	return s.conn.WriteMessage(websocket.BinaryMessage, wire.AppendFrame(nil, channel, body))
}

// next returns the next event, passing documents and awareness over. One
// goroutine at a time.
func (s *socket) next() (wire.Event, error) {
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

// cut ends the connection without a word, and without sending what is queued.
func (s *socket) cut() {
	if tcp, ok := s.conn.NetConn().(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	s.conn.Close()
}
