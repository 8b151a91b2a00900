package ws

import (
	"fmt"

	"weft/presence"
	"weft/server/event"
	"weft/server/problem"
	"weft/server/wire"
)

// maxUserID bounds what a list of people holds, in bytes.
const maxUserID = 256

// watch follows people. Who may use the connection may: what is told is the status
// and a coarse last seen, and no room.
func (n *native) watch(e wire.Event) error {
	var ask event.Watch
	if err := e.Into(&ask); err != nil {
		return err
	}
	if n.watching == nil {
		n.watched = map[string]bool{}
		n.watching = n.conn.door.people.WatchStatus(func(news map[string]presence.UserStatus) { n.send(0, event.Status{Users: news}) })
	}
	for _, id := range ask.Users {
		if n.watched[id] {
			continue
		}
		if len(id) > maxUserID {
			return fmt.Errorf("ids of people have at most %d bytes", maxUserID)
		}
		if len(n.watched) >= event.MaxWatched {
			n.refuse(0, problem.TooManyWatched.New(fmt.Sprintf("a connection watches at most %d people", event.MaxWatched)))
			break
		}
		n.watched[id] = true
		n.watching.Add(id)
	}
	return nil
}

func (n *native) unwatch(e wire.Event) error {
	var ask event.Unwatch
	if err := e.Into(&ask); err != nil {
		return err
	}
	for _, id := range ask.Users {
		if n.watched[id] {
			delete(n.watched, id)
			n.watching.Remove(id)
		}
	}
	return nil
}
