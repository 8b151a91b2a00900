package ws

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"weft/server/auth"
	"weft/server/event"
	"weft/server/wire"
)

// maxStateless keeps a burst of stateless messages within a queue: what can't
// be let go of ends a slow connection.
const maxStateless = 8 << 10

// stateless passes a message on to everybody else in the room. Weft has no hooks
// that would do it, and gives it no meaning, unless it is an object with the key
// "weft": those are between client and server, and never passed on, so that nobody
// can tell others of events that did not happen.
func (h *hocuspocus) stateless(d *document, payload []byte) {
	c := h.conn
	c.limit.ask()
	if len(payload) > maxStateless {
		c.close(wire.CloseTooLarge, fmt.Sprintf("a stateless message of %d bytes, the limit is %d", len(payload), maxStateless))
		return
	}
	if what, ours := forWeft(payload); ours {
		switch what {
		case "subscribe":
			h.subscribe(d)
		case "unsubscribe":
			d.peer.listen(false)
		default:
			d.tell(event.Unknown{Weft: "unknown", Detail: `"weft" is "subscribe" or "unsubscribe"`})
		}
		return
	}
	if d.person.role(d.peer.room.ID()) >= auth.Comment {
		d.peer.room.Relay(d.peer, wire.AppendStateless(nil, payload))
	}
}

// forWeft tells whether a stateless message is for the server, and what it says.
// A client that reads it as JSON must find no such key where this finds none.
func forWeft(payload []byte) (what string, ours bool) {
	if !bytes.HasPrefix(bytes.TrimLeft(payload, " \t\r\n"), []byte("{")) {
		return "", false
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(payload, &object) != nil {
		return "", false
	}
	value, ours := object["weft"]
	_ = json.Unmarshal(value, &what)
	return what, ours
}

// subscribe lets a document hear the room's events, beginning with what a native
// client is told when it joins.
func (h *hocuspocus) subscribe(d *document) {
	c, p, id := h.conn, d.peer, d.peer.room.ID()
	p.listen(true)
	p.mu.Lock()
	p.hold()
	p.mu.Unlock()
	defer p.release()
	ctx, cancel := context.WithTimeout(context.Background(), loadWait)
	defer cancel()
	who := d.person.who(id)
	answer := event.Subscribed{Weft: "subscribed"}
	answer.Joined = event.Joined{Room: id, Role: who.Role.String(), User: event.User{ID: who.User, Name: who.Name}}
	if err := c.door.inside(ctx, &d.person, &answer.Joined); err != nil {
		c.log().Error("subscribing to a room", "room", id, "err", err)
		c.close(wire.CloseOverload, "the room cannot be read now")
		return
	}
	c.send(p.addressed(statelessJSON(answer)))
}

// tell answers the document's client.
func (d *document) tell(v any) { d.peer.say(statelessJSON(v)) }

func statelessJSON(v any) []byte {
	payload, err := json.Marshal(v)
	if err != nil {
		panic(err) // our own types always encode
	}
	return wire.AppendStateless(nil, payload)
}
