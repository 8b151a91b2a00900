package ws

import (
	"fmt"

	"weft/presence"
	"weft/server/event"
	"weft/server/problem"
	"weft/server/wire"
)

// maxUserID is the limit on a user's id in a watch list, in bytes.
const maxUserID = 256

// watch handles the event that watches people: the client is notified of their status over
// all rooms. Everybody may watch everybody: a status names no room and has only a coarse
// last-seen time.
func (n *native) watch(e wire.Event) error {
	var ask event.Watch
	if err := e.Into(&ask); err != nil {
		return err
	}
	if n.watching == nil {
		n.watched = map[string]bool{}
		n.watching = n.conn.door.people.WatchStatus(func(changed map[string]presence.UserStatus) {
			n.send(0, event.Status{Users: changed})
		})
	}
	for _, id := range ask.Users {
		if n.watched[id] {
			continue
		}
		if len(id) > maxUserID {
			return fmt.Errorf("a user id has at most %d bytes", maxUserID)
		}
		if len(n.watched) >= event.MaxWatched {
			n.refuse(0, problem.TooManyWatched.New(fmt.Sprintf("a connection may watch at most %d people", event.MaxWatched)))
			break
		}
		n.watched[id] = true
		n.watching.Add(id)
	}
	return nil
}

// unwatch handles the event that stops watching people.
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
