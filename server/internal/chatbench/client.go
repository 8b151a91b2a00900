package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/wire"
)

// poster sends messages one after the other. post returns when the message is acknowledged.
type poster interface {
	post(ctx context.Context, text string) error
	close()
}

// guest creates a user who posts.
func (s *server) guest(ctx context.Context, name string) (token string, err error) {
	var made struct{ Token string }
	if err := s.call(ctx, http.MethodPost, "/api/guests", "", map[string]string{"name": name}, &made); err != nil {
		return "", err
	}
	return made.Token, nil
}

var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1000}, Timeout: time.Minute}

// call sends a request that must succeed.
func (s *server) call(ctx context.Context, method, path, token string, body, answer any) error {
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://"+s.host+path, sent)
	if err != nil {
		return err
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	if answer == nil {
		return nil
	}
	return json.Unmarshal(text, answer)
}

var ids atomic.Int64

func newID() string { return fmt.Sprintf("b-%d", ids.Add(1)) }

// overHTTP posts each message with one HTTP request.
type overHTTP struct {
	*server
	path, token string
}

func (o *overHTTP) post(ctx context.Context, text string) error {
	return o.call(ctx, http.MethodPost, o.path, o.token, map[string]string{"id": newID(), "text": text}, nil)
}

func (*overHTTP) close() {}

// overSocket posts over its own WebSocket of dialect weft.1.
type overSocket struct {
	conn *websocket.Conn
}

func (s *server) dial(ctx context.Context, token, room string) (*overSocket, error) {
	d := websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}
	conn, _, err := d.DialContext(ctx, "ws://"+s.host+"/socket", http.Header{"Authorization": {"Bearer " + token}})
	if err != nil {
		return nil, err
	}
	o := &overSocket{conn}
	if err := o.say(0, "hello", map[string]any{}); err != nil {
		return nil, err
	}
	if err := o.say(0, "join", map[string]any{"channel": 1, "room": room}); err != nil {
		return nil, err
	}
	return o, o.until("joined", "")
}

func (o *overSocket) say(channel uint64, name string, v any) error {
	body, err := wire.EncodeEvent(name, v)
	if err != nil {
		return err
	}
	return o.conn.WriteMessage(websocket.BinaryMessage, wire.AppendFrame(nil, channel, body))
}

// until reads frames until an event of this name arrives; if id is not empty, with that id.
func (o *overSocket) until(name, id string) error {
	for {
		_, frame, err := o.conn.ReadMessage()
		if err != nil {
			return err
		}
		_, body, err := wire.DecodeFrame(frame)
		if err != nil {
			return err
		}
		if body.Type != wire.TypeEvent {
			continue
		}
		e, err := wire.DecodeEvent(body.Payload)
		if err != nil {
			return err
		}
		if e.Name == "unsent" || e.Name == "refused" {
			return fmt.Errorf("%s", e.Name)
		}
		if e.Name != name {
			continue
		}
		var said struct {
			ID string `json:"id"`
		}
		if err := e.Into(&said); err != nil || id == "" || said.ID == id {
			return err
		}
	}
}

func (o *overSocket) post(_ context.Context, text string) error {
	id := newID()
	if err := o.say(1, "send", map[string]any{"id": id, "text": text}); err != nil {
		return err
	}
	return o.until("sent", id)
}

func (o *overSocket) close() { o.conn.Close() }

// pathOf returns the URL path of a resource of a room.
func pathOf(room, part string) string { return "/api/rooms/" + url.PathEscape(room) + "/" + part }
