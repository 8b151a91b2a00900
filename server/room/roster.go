package room

// roster is who is in a room: to be looked up, and in a row for when all are told
// something. A thousand of them are told in as long as it takes to fetch what that needs
// from memory, so the row holds it.
type roster struct {
	at  map[Peer]*member
	row []seat
}

// seat is a member's place in the row.
type seat struct {
	peer   Peer
	cursor *Cursor
	member *member
}

func (r *roster) len() int { return len(r.row) }

// of returns the peer's member, nil if it is not in the room.
func (r *roster) of(p Peer) *member { return r.at[p] }

// add puts a member in, in place of an earlier one of the same peer.
func (r *roster) add(m *member) {
	if old := r.at[m.peer]; old != nil {
		r.remove(old)
	}
	if r.at == nil {
		r.at = map[Peer]*member{}
	}
	r.at[m.peer] = m
	m.seat = len(r.row)
	r.row = append(r.row, seat{m.peer, m.cursor, m})
}

// remove takes a member out, who is in.
func (r *roster) remove(m *member) {
	delete(r.at, m.peer)
	last := len(r.row) - 1
	r.row[m.seat] = r.row[last]
	r.row[m.seat].member.seat = m.seat
	r.row[last] = seat{}
	r.row = r.row[:last]
	if last == 0 {
		r.row = nil
	}
}
