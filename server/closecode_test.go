package server

import (
	"errors"
	"io"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/wire"
)

// TestCloseCodeReachesASendingClient checks that a client receives the close code although
// it continues to send. A TCP socket that is closed with unread bytes is reset, and most
// systems then drop the close frame. Linux does not, so the test looks for the reset.
func TestCloseCodeReachesASendingClient(t *testing.T) {
	s := startServer(t, Config{Limits: "lab", Limit: map[string]string{"message": "64KiB", "answer": "64KiB"}})
	more := wire.AppendAwareness(nil, make([]byte, 16<<10))
	for name, c := range map[string]struct {
		first []byte
		want  int
	}{
		"bad frame":            {[]byte{0x80}, int(wire.CloseBadFrame)},
		"too large to be read": {make([]byte, 4<<20), 1009},
		"too large":            {wire.AppendStep2(nil, make([]byte, 128<<10)), int(wire.CloseTooLarge)},
	} {
		for range 20 {
			ws, _ := s.dialWebSocket(t, "/ws/r", "", nil)
			begun := time.Now()
			err := ws.WriteMessage(websocket.BinaryMessage, c.first)
			for n := 0; n < 50 && err == nil; n++ {
				err = ws.WriteMessage(websocket.BinaryMessage, more)
			}
			if code := readCloseCode(t, ws); code != c.want {
				t.Fatalf("%s: closed with %d, want %d", name, code, c.want)
			}
			if err == nil {
				_, err = ws.NetConn().Read(make([]byte, 1))
			}
			// The server continues to read for 2 s, which a busy machine may exceed.
			if took := time.Since(begun); !errors.Is(err, io.EOF) && took < 2*time.Second {
				t.Fatalf("%s: got %v after %s, want EOF", name, err, took)
			}
			ws.Close()
		}
	}
}
