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
	// unacked holds the edits under way, by the bytes of their update.
	unacked map[string][]underway
}

func newClient(t *testing.T, room string, id uint64) *client {
	c := &client{
		t: t, room: room, doc: crdt.New(crdt.Options{ClientID: id}),
		echo: make(chan struct{}, 1), unacked: map[string][]underway{},
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
	c.write(ysync.AppendStep1([]byte{typeSync}, c.doc.EncodeStateVector()))
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

// write sends a frame. A connection that is broken is noticed by read.
func (c *client) write(frame []byte) {
	if c.conn != nil {
		c.conn.SetWriteDeadline(time.Now().Add(patience))
		c.conn.WriteMessage(websocket.BinaryMessage, frame)
	}
}

// read takes what comes until the connection ends.
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
	case ysync.Update:
		if edits, mine := c.unacked[string(payload)]; mine {
			delete(c.unacked, string(payload))
			for _, e := range edits {
				e.ack()
			}
			select {
			case c.echo <- struct{}{}:
			default:
			}
			return nil
		}
	}
	if _, err := c.doc.ApplyUpdate(payload); err != nil {
		c.t.Errorf("the server sent an update that can't be applied: %v", err)
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

// answer sends what the server lacks. If that update comes back, the edits that
// are in it are acked: all deletions, as an update has all of them, and the
// insertions that the server's state vector doesn't cover. Of those that it
// covers nobody says whether they are on disk yet; they stay unacked for ever.
func (c *client) answer(stateVector []byte) error {
	sv, err := crdt.DecodeStateVector(stateVector)
	if err != nil {
		c.t.Errorf("the server sent a bad state vector: %v", err)
		return err
	}
	var within []underway
	for _, some := range c.unacked {
		for _, e := range some {
			if !e.insertion || e.clock >= sv[c.doc.ClientID()] {
				within = append(within, e)
			}
		}
	}
	clear(c.unacked)
	update := c.doc.EncodeStateAsUpdate(sv)
	c.unacked[string(update)] = within
	c.write(ysync.AppendStep2([]byte{typeSync}, update))
	return nil
}

// underway is an edit that has not come back.
type underway struct {
	insertion bool
	clock     uint64 // of its first unit
	ack       func()
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
	me := c.doc.ClientID()
	clock := c.doc.StateVector()[me]
	update, err := change(c.doc)
	if err != nil {
		c.t.Errorf("edit: %v", err)
		return false
	}
	insertion := c.doc.StateVector()[me] > clock
	c.unacked[string(update)] = append(c.unacked[string(update)], underway{insertion, clock, ack})
	c.write(ysync.AppendUpdate([]byte{typeSync}, update))
	return true
}

// waiting is how many updates are under way.
func (c *client) waiting() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.unacked)
}

func (c *client) text() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.doc.Text(root).String()
}

// drop ends the connection without a word.
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

// sees tells whether the document's JSON contains s.
func (c *client) sees(s string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, err := c.doc.JSON()
	return err == nil && bytes.Contains(text, []byte(s))
}
