package netpoll

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/gorilla/websocket"

	"weft/server/ws/internal/netpoll/netpolltest"
)

// FuzzFraming: where the tracker sees messages end does not depend on the pieces in which
// the bytes come, and gorilla reads every frame that wholeMessage returns as the same
// message.
func FuzzFraming(f *testing.F) {
	f.Add(slices.Concat(netpolltest.Message([]byte("a")), netpolltest.ClientFrame(netpolltest.Binary, make([]byte, 300)), netpolltest.ClientFrame(netpolltest.Fin|netpolltest.Ping, nil), netpolltest.ClientFrame(netpolltest.Fin|netpolltest.Continuation, nil)), 3)
	f.Add(netpolltest.Message(make([]byte, 1<<16)), 7)
	f.Add([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		var whole, pieces frameTracker
		whole.advance(b)
		for rest := range slices.Chunk(b, 1+int(uint(piece)%64)) {
			pieces.advance(rest)
		}
		if whole.payloadLeft != pieces.payloadLeft || whole.headLen != pieces.headLen || whole.inMessage != pieces.inMessage {
			t.Fatalf("tracker after all bytes at once %+v, in pieces %+v", whole, pieces)
		}
		payload, mask, size := wholeMessage(b)
		if size == 0 {
			return
		}
		var tr frameTracker
		tr.advance(b[:size])
		if !tr.atMessageStart() {
			t.Fatal("a whole message does not end a message for the tracker")
		}
		got, err := readWithGorilla(b[:size])
		if err != nil || !slices.Equal(got, unmask(payload, mask)) {
			t.Fatalf("gorilla reads %x, error %v; want %x", got, err, unmask(payload, mask))
		}
	})
}

// readWithGorilla returns the message that gorilla, as a server, reads from b.
func readWithGorilla(b []byte) (message []byte, err error) {
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		client.Write([]byte("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"))
		br := bufio.NewReader(client)
		if _, err := http.ReadResponse(br, nil); err == nil {
			client.Write(b)
		}
		client.Close()
	}()
	defer server.Close()
	br := bufio.NewReader(server)
	r, err := http.ReadRequest(br)
	if err != nil {
		return nil, err
	}
	up := websocket.Upgrader{}
	c, err := up.Upgrade(pipeWriter{server, br}, r, nil)
	if err != nil {
		return nil, err
	}
	_, message, err = c.ReadMessage()
	return message, err
}

// pipeWriter is a response writer that can be hijacked.
type pipeWriter struct {
	conn net.Conn
	br   *bufio.Reader
}

func (p pipeWriter) Header() http.Header       { return http.Header{} }
func (p pipeWriter) Write([]byte) (int, error) { return 0, errors.ErrUnsupported }
func (p pipeWriter) WriteHeader(int)           {}
func (p pipeWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return p.conn, bufio.NewReadWriter(p.br, bufio.NewWriter(p.conn)), nil
}
