package ws

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"weft/server/auth"
	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// maxStateless is the limit on a stateless message, in bytes. A stateless message must
// arrive, so a burst of them must fit into the queue of a slow connection.
const maxStateless = 8 << 10

// stateless relays a message to everybody else in the room, as a Hocuspocus server with
// that hook would. A message that is an object with the key "weft" is between client and
// server and never relayed, so that nobody can forge events.
func (h *hocuspocus) stateless(d *document, payload []byte) {
	c := h.conn
	c.limiters.waitRequest()
	if len(payload) > maxStateless {
		c.close(wire.CloseTooLarge, fmt.Sprintf("stateless message of %d bytes: the limit is %d", len(payload), maxStateless))
		return
	}
	if request, ok := weftRequest(payload); ok {
		switch request {
		case "subscribe":
			h.subscribe(d)
		case "unsubscribe":
			d.peer.unsubscribe()
		default:
			d.peer.send(encodeStateless(event.Unknown{Weft: "unknown", Detail: `"weft" is "subscribe" or "unsubscribe"`}))
		}
		return
	}
	if d.credentials.role(d.peer.room.ID()) >= auth.Comment {
		d.peer.room.Relay(d.peer, wire.AppendStateless(nil, payload))
	}
}

// weftRequest returns the request in a stateless message for the server; ok is false for
// any other message. A client that reads a message as JSON must find no key "weft" where
// weftRequest finds none.
func weftRequest(payload []byte) (request string, ok bool) {
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
		return "", false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(payload, &object) != nil {
		return "", false
	}
	value, ok := object["weft"]
	_ = json.Unmarshal(value, &request)
	return request, ok
}

// subscribe makes the client of a document receive the room's events. The first is what a
// native client is told when it joins.
func (h *hocuspocus) subscribe(d *document) {
	c, p, id := h.conn, d.peer, d.peer.room.ID()
	p.subscribe()
	defer p.flushBuffer()
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	who := d.credentials.peerInfo(id)
	answer := event.Subscribed{Weft: "subscribed"}
	answer.Joined = event.Joined{Room: id, Role: who.Role.String(), User: store.User{ID: who.User, Name: who.Name}}
	if err := c.door.describeRoom(ctx, &d.credentials, &answer.Joined); err != nil {
		c.log().Error("ws: subscribe to a room", "room", id, "err", err)
		c.close(wire.CloseOverload, "the room cannot be read now")
		return
	}
	c.send(p.withPrefix(encodeStateless(answer)))
}

func encodeStateless(v any) []byte {
	payload, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always encode
	}
	return wire.AppendStateless(nil, payload)
}
