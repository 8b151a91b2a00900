package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/crdt"
	"weft/crdt/lib0"
	"weft/crdt/ysync"
	"weft/presence/awareness"
)

// Types of y-websocket messages.
const (
	typeSync      = 0
	typeAwareness = 1
)

// A client speaks y-websocket in one room, over one connection after another, and records
// which of its edits are acknowledged: those that the server has sent back to it. Its
// methods may be called from any goroutine.
type client struct {
	t      *testing.T
	room   string
	header http.Header

	mu         sync.Mutex
	doc        *crdt.Doc
	conn       *websocket.Conn
	synced     chan struct{} // closed when step 2 has arrived on conn
	ended      chan struct{} // closed when conn is closed
	code       int           // the close code, or -1 if there was no close frame
	ackArrived chan struct{} // receives a value when an edit is acknowledged
	// received holds only what the server has sent. An edit that it contains is
	// acknowledged. It is a document because the server may merge updates.
	received *crdt.Doc
	// unacked has the edits that are not acknowledged yet, in order.
	unacked []unackedEdit
}

func newClient(t *testing.T, room string, id uint64) *client {
	c := &client{
		t: t, room: room, doc: crdt.New(crdt.Options{ClientID: id}),
		ackArrived: make(chan struct{}, 1), received: crdt.New(crdt.Options{}),
	}
	t.Cleanup(c.drop)
	return c
}

// connect opens a connection and returns once it has received the document.
func (c *client) connect(p *process) error {
	c.mu.Lock()
	conn, resp, err := websocket.DefaultDialer.Dial("ws://"+p.host+"/ws/"+c.room, c.header)
	if err != nil {
		c.mu.Unlock()
		if resp != nil {
			return fmt.Errorf("dial: %s: %w", resp.Status, err)
		}
		return err
	}
	c.conn, c.code = conn, 0
	c.synced, c.ended = make(chan struct{}), make(chan struct{})
	synced, ended := c.synced, c.ended
	me := awareness.State{ClientID: c.doc.ClientID(), Clock: 1, JSON: []byte(`{"user":{"name":"test"}}`)}
	// This is not the state vector of doc: the server must send the client's own edits
	// too, if it has stored them and the client has not received them.
	c.write(ysync.AppendStep1([]byte{typeSync}, c.received.EncodeStateVector()))
	c.write(lib0.AppendVarBytes([]byte{typeAwareness}, awareness.Append(nil, []awareness.State{me})))
	c.mu.Unlock()
	go c.read(conn, ended)
	select {
	case <-synced:
		return nil
	case <-ended:
		return fmt.Errorf("closed with %d before it was synced", c.closeCode())
	case <-time.After(timeout):
		return fmt.Errorf("not synced after %s", timeout)
	}
}

// write sends a frame. It ignores errors: read notices a broken connection.
func (c *client) write(frame []byte) {
	if c.conn != nil {
		c.conn.SetWriteDeadline(time.Now().Add(timeout))
		c.conn.WriteMessage(websocket.BinaryMessage, frame)
	}
}

// read handles incoming frames until the connection is closed.
func (c *client) read(conn *websocket.Conn, ended chan struct{}) {
	defer close(ended)
	for {
		_, frame, err := conn.ReadMessage()
		if err == nil {
			err = c.receive(frame)
		}
		if err != nil {
			c.mu.Lock()
			c.code = -1
			if closed := (*websocket.CloseError)(nil); errors.As(err, &closed) {
				c.code = closed.Code
			}
			c.conn = nil
			c.mu.Unlock()
			conn.Close()
			return
		}
	}
}

// receive handles one frame.
func (c *client) receive(frame []byte) error {
	if len(frame) == 0 || frame[0] != typeSync {
		return nil
	}
	kind, payload, err := ysync.Read(frame[1:])
	if err != nil {
		c.t.Errorf("the server sent % x: %v", frame[:min(len(frame), 40)], err)
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch kind {
	case ysync.Step1:
		return c.sendMissing(payload)
	}
	for _, doc := range []*crdt.Doc{c.doc, c.received} {
		if _, err := doc.ApplyUpdate(payload); err != nil {
			c.t.Errorf("the server sent an update that can't be applied: %v", err)
			return err
		}
	}
	if err := c.ackReceived(); err != nil {
		return err
	}
	if kind == ysync.Step2 {
		select {
		case <-c.synced:
		default:
			close(c.synced)
		}
	}
	return nil
}

// ackReceived acknowledges the edits that the server has sent back.
func (c *client) ackReceived() error {
	left := c.unacked[:0]
	for _, e := range c.unacked {
		known, err := c.received.Knows(e.update)
		if err != nil {
			c.t.Errorf("an update of this client: %v", err)
			return err
		}
		if !known {
			left = append(left, e)
			continue
		}
		e.ack()
		select {
		case c.ackArrived <- struct{}{}:
		default:
		}
	}
	clear(c.unacked[len(left):])
	c.unacked = left
	return nil
}

// sendMissing answers step 1: it sends the updates that the server is missing,
// unacknowledged edits included.
func (c *client) sendMissing(stateVector []byte) error {
	sv, err := crdt.DecodeStateVector(stateVector)
	if err != nil {
		c.t.Errorf("the server sent a bad state vector: %v", err)
		return err
	}
	for i := range c.unacked {
		c.unacked[i].resent = true
	}
	c.write(ysync.AppendStep2([]byte{typeSync}, c.doc.EncodeStateAsUpdate(sv)))
	return nil
}

// unackedEdit is an edit that the server has not sent back yet.
type unackedEdit struct {
	update []byte
	resent bool // sent a second time, in a step 2
	ack    func()
}

// edit changes the document and sends the update. It calls ack when the edit is
// acknowledged. change and ack run with c locked. Without a connection edit changes
// nothing and returns false.
func (c *client) edit(change func(*crdt.Doc) ([]byte, error), ack func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return false
	}
	update, err := change(c.doc)
	if err != nil {
		c.t.Errorf("edit: %v", err)
		return false
	}
	c.unacked = append(c.unacked, unackedEdit{update: update, ack: ack})
	c.write(ysync.AppendUpdate([]byte{typeSync}, update))
	return true
}

// countUnacked returns the number of unacknowledged edits, without those that were sent a
// second time.
func (c *client) countUnacked() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.unacked {
		if !e.resent {
			n++
		}
	}
	return n
}

func (c *client) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doc.Text(root).String()
}

// drop closes the TCP connection without a close frame.
func (c *client) drop() {
	c.mu.Lock()
	conn, ended := c.conn, c.ended
	c.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	if ended != nil {
		<-ended
	}
}

// closeCode returns the close code of the last connection, 0 while it is open.
func (c *client) closeCode() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// root is the document's text that the tests write.
const root = "text"

// contains reports whether the document's JSON contains s.
func (c *client) contains(s string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := c.doc.JSON()
	return err == nil && bytes.Contains(text, []byte(s))
}
