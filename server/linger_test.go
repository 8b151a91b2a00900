package server

import (
	"errors"
	"io"
	"testing"

	"github.com/gorilla/websocket"

	"weft/server/wire"
)

// TestCloseCodeArrives: a client that goes on sending still learns why it was
// closed. A socket that is closed with bytes unread is reset, and most systems then
// drop what it said last (Linux does not, so the test looks for the reset).
func TestCloseCodeArrives(t *testing.T) {
	s := run(t, Config{Limits: "lab", Limit: map[string]string{"message": "64KiB", "answer": "64KiB"}})
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
			ws, _ := s.come(t, "/ws/r", "", nil)
			for n := range 50 {
				frame := more
				if n == 0 {
					frame = c.first
				}
				if err := ws.WriteMessage(websocket.BinaryMessage, frame); err != nil {
					t.Fatalf("%s: frame %d: %v", name, n, err)
				}
			}
			if code := closed(t, ws); code != c.want {
				t.Fatalf("%s: closed with %d, want %d", name, code, c.want)
			}
			if _, err := ws.NetConn().Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Fatalf("%s: the socket ended with %v", name, err)
			}
			ws.Close()
		}
	}
}
