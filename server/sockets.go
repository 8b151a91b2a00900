package server

import (
	"net/http"

	"weft/server/api"
	"weft/server/ws"
)

// sockets adapts ws.Door to the interface api.Sockets. The packages api and ws do not
// import each other.
type sockets struct{ *ws.Door }

// ServeRoom implements api.Sockets.
func (s sockets) ServeRoom(w http.ResponseWriter, r *http.Request, u api.RoomUser) error {
	return s.Door.ServeRoom(w, r, ws.RoomOptions{Room: u.Room, Identity: u.Identity, Anonymous: u.Anonymous})
}
