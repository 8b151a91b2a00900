package ws

import (
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"weft/server/wire"
)

// TestStalledConnectionIsNotPresent: while a connection waits for the disk the server does
// not read it and cannot see whether it has ended. So its person stays present by it no
// longer than by a silent connection.
func TestStalledConnectionIsNotPresent(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*websocket.Conn){
		"silent": func(*websocket.Conn) {},
		"closed": func(ws *websocket.Conn) { ws.Close() },
		"reset":  func(ws *websocket.Conn) { _ = ws.NetConn().(*net.TCPConn).SetLinger(0); ws.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hang := make(chan struct{})
			door, dial := onDeadDisk(t, deadDisk{hang: hang}, 100*time.Millisecond)
			ws := dial()
			waitForDevices(t, door, 1)
			var stalled *conn
			for _, c := range door.allConns() {
				stalled = c
			}
			stalled.dialectMu.Lock() // as while the dialect waits for the disk
			if err := ws.WriteMessage(websocket.BinaryMessage, emptyAwareness); err != nil {
				t.Fatal(err)
			}
			leave(ws)
			waitForDevices(t, door, 0)
			stalled.dialectMu.Unlock()
			closeDead(door, hang)
			if len(door.allConns()) > 0 || !stalled.ended {
				t.Error("the connection has not ended")
			}
		})
	}
}

// TestSilentConnectionIsClosedWithACode for clients that are there and do not answer pings.
func TestSilentConnectionIsClosedWithACode(t *testing.T) {
	door, dial := onDeadDisk(t, deadDisk{}, 100*time.Millisecond) // before the first ping
	ws := dial()
	var err error
	for err == nil {
		_, _, err = ws.ReadMessage()
	}
	if !websocket.IsCloseError(err, int(wire.CloseOverload)) {
		t.Errorf("got error %v, want close code %d", err, wire.CloseOverload)
	}
	door.Close(t.Context())
	door.Wait()
	if err := door.hub.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
