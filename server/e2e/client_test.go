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

// A client speaks y-websocket in one room, over one connection after another,
// and remembers which of its edits came back. Its methods may be called from
// any goroutine.
type client struct {
	t      *testing.T
	room   string
	header http.Header

	mu     sync.Mutex
	doc    *crdt.Doc
	conn   *websocket.Conn
	synced chan struct{} // closed when a step 2 has come over conn
	over   chan struct{} // closed when conn has ended
	code   int           // and why: its close code, or -1
	echo   chan struct{} // gets a token when an update of ours came back
	// heard is what the server has sent, and nothing else: an edit of ours that it
	// knows has come back. Updates may come back merged.
	heard *crdt.Doc
	// unacked holds the edits under way, in order.
	unacked []underway
}

func newClient(t *testing.T, room string, id uint64) *client {
	c := &client{
		t: t, room: room, doc: crdt.New(crdt.Options{ClientID: id}),
		echo: make(chan struct{}, 1), heard: crdt.New(crdt.Options{}),
	}
	t.Cleanup(c.drop)
	return c
}

// connect opens a connection and returns once the room's content has come.
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
	c.synced, c.over = make(chan struct{}), make(chan struct{})
	synced, over := c.synced, c.over
	me := awareness.State{ClientID: c.doc.ClientID(), Clock: 1, JSON: []byte(`{"user":{"name":"test"}}`)}
	// Not what the document has: edits of ours that the server has and that have
	// never come back must come now.
	c.write(ysync.AppendStep1([]byte{typeSync}, c.heard.EncodeStateVector()))
	c.write(lib0.AppendVarBytes([]byte{typeAwareness}, awareness.Append(nil, []awareness.State{me})))
	c.mu.Unlock()
	go c.read(conn, over)
	select {
	case <-synced:
		return nil
	case <-over:
		return fmt.Errorf("closed with %d before it was synced", c.closeCode())
	case <-time.After(patience):
		return errors.New("not synced in time")
	}
}

// write sends a frame. It ignores errors: read notices a broken connection.
func (c *client) write(frame []byte) {
	if c.conn != nil {
		c.conn.SetWriteDeadline(time.Now().Add(patience))
		c.conn.WriteMessage(websocket.BinaryMessage, frame)
	}
}

// read handles incoming frames until the connection ends.
func (c *client) read(conn *websocket.Conn, over chan struct{}) {
	defer close(over)
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
		return c.answer(payload)
	}
	for _, doc := range []*crdt.Doc{c.doc, c.heard} {
		if _, err := doc.ApplyUpdate(payload); err != nil {
			c.t.Errorf("the server sent an update that can't be applied: %v", err)
			return err
		}
	}
	if err := c.settle(); err != nil {
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

// settle marks those edits as acknowledged that the server has sent back.
func (c *client) settle() error {
	left := c.unacked[:0]
	for _, e := range c.unacked {
		known, err := c.heard.Knows(e.update)
		if err != nil {
			c.t.Errorf("an update of ours: %v", err)
			return err
		}
		if !known {
			left = append(left, e)
			continue
		}
		e.ack()
		select {
		case c.echo <- struct{}{}:
		default:
		}
	}
	clear(c.unacked[len(left):])
	c.unacked = left
	return nil
}

// answer sends the updates that the server is missing, unacknowledged edits included.
func (c *client) answer(stateVector []byte) error {
	sv, err := crdt.DecodeStateVector(stateVector)
	if err != nil {
		c.t.Errorf("the server sent a bad state vector: %v", err)
		return err
	}
	for i := range c.unacked {
		c.unacked[i].again = true
	}
	c.write(ysync.AppendStep2([]byte{typeSync}, c.doc.EncodeStateAsUpdate(sv)))
	return nil
}

// underway is an edit that the server has not sent back yet.
type underway struct {
	update []byte
	again  bool // sent once more in an answer
	ack    func()
}

// edit changes the document, tells the server, and calls ack when it is safe;
// both with c locked. It returns false if there is no connection: then nothing
// has changed.
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
	c.unacked = append(c.unacked, underway{update: update, ack: ack})
	c.write(ysync.AppendUpdate([]byte{typeSync}, update))
	return true
}

// waiting is how many edits are under way, those sent again in an answer apart.
func (c *client) waiting() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.unacked {
		if !e.again {
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
	conn, over := c.conn, c.over
	c.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
	if over != nil {
		<-over
	}
}

func (c *client) closeCode() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code
}

// root is the document's text that the tests write.
const root = "text"

// sees reports whether the document's JSON contains s.
func (c *client) sees(s string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := c.doc.JSON()
	return err == nil && bytes.Contains(text, []byte(s))
}
