package room

import "weft/server/room/feed"

// roster holds the members of a room: a map to look one up, and a row to go through all.
// Waking a thousand peers takes mostly as long as fetching what that needs from memory, so
// the row holds that itself.
type roster struct {
	byPeer map[Peer]*member
	row    []seat
}

// seat is a member's place in the row.
type seat struct {
	peer   Peer
	reader *feed.Reader
	member *member
}

func (r *roster) len() int { return len(r.row) }

// of returns the peer's member, nil if the peer is not in the room.
func (r *roster) of(p Peer) *member { return r.byPeer[p] }

// add adds a member. It replaces an earlier member of the same peer.
func (r *roster) add(m *member) {
	if old := r.byPeer[m.peer]; old != nil {
		r.remove(old)
	}
	if r.byPeer == nil {
		r.byPeer = map[Peer]*member{}
	}
	r.byPeer[m.peer] = m
	m.seat = len(r.row)
	r.row = append(r.row, seat{m.peer, m.reader, m})
}

// remove removes a member of the roster. The last one in the row takes its seat.
func (r *roster) remove(m *member) {
	delete(r.byPeer, m.peer)
	last := len(r.row) - 1
	r.row[m.seat] = r.row[last]
	r.row[m.seat].member.seat = m.seat
	r.row[last] = seat{}
	r.row = r.row[:last]
	if last == 0 {
		r.row = nil
	}
}
