package ws

import (
	"bufio"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"testing"

	"github.com/gorilla/websocket"
)

// clientFrame is a frame as clients send them.
func clientFrame(first byte, payload []byte) []byte {
	f := []byte{first}
	switch n := len(payload); {
	case n < 126:
		f = append(f, masked|byte(n))
	case n < 1<<16:
		f = binary.BigEndian.AppendUint16(append(f, masked|126), uint16(n))
	default:
		f = binary.BigEndian.AppendUint64(append(f, masked|127), uint64(n))
	}
	key := rand.Uint32()
	f = binary.LittleEndian.AppendUint32(f, key)
	for i, b := range payload {
		f = append(f, b^byte(key>>(8*(i%4))))
	}
	return f
}

// FuzzFraming: where messages end does not depend on the pieces they come in, and a
// frame that is taken for plain is one to gorilla too.
func FuzzFraming(f *testing.F) {
	f.Add(slices.Concat(clientFrame(0x82, []byte("a")), clientFrame(0x02, make([]byte, 300)), clientFrame(0x89, nil), clientFrame(0x80, nil)), 3)
	f.Add(clientFrame(0x82, make([]byte, 1<<16)), 7)
	f.Add([]byte{0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 1)
	f.Fuzz(func(t *testing.T, b []byte, piece int) {
		var whole, pieces framing
		whole.pass(b)
		for rest := range slices.Chunk(b, 1+int(uint(piece)%64)) {
			pieces.pass(rest)
		}
		if whole.left != pieces.left || whole.have != pieces.have || whole.parts != pieces.parts {
			t.Fatalf("%+v at once, %+v in pieces", whole, pieces)
		}
		payload, key, size := plainFrame(b)
		if size == 0 {
			return
		}
		var f framing
		f.pass(b[:size])
		if !f.between() {
			t.Fatal("a plain frame does not end a message")
		}
		_, got, err := read(b[:size])
		if err != nil || !slices.Equal(got, unmasked(payload, key)) {
			t.Fatalf("gorilla reads %x, %v, and not %x", got, err, unmasked(payload, key))
		}
	})
}

// read has gorilla read a message as a server does.
func read(b []byte) (kind int, message []byte, err error) {
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
		return 0, nil, err
	}
	up := websocket.Upgrader{}
	c, err := up.Upgrade(pipeWriter{server, br}, r, nil)
	if err != nil {
		return 0, nil, err
	}
	return c.ReadMessage()
}

// pipeWriter is a response that can be hijacked.
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
