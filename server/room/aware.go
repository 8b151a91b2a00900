package room

import (
	"container/list"
	"time"

	"weft/presence/awareness"
	"weft/server/wire"
)

// whereabouts is the awareness a room shows, by newest state for each client.
// Each change gets the next stamp; who knows all up to a stamp is told the
// clients that have changed since, each once, however often they moved.
type whereabouts struct {
	order   list.List // of *sighting, by stamp
	at      map[uint64]*list.Element
	gone    int    // clients in order that have gone
	last    uint64 // stamp given last
	shown   uint64 // stamp that peers may see
	folded  map[uint64]fold
	foldedN int // bytes in folded
}

type sighting struct {
	stamp uint64
	state awareness.State
	since time.Time
}

// fold is one body for what has changed since its key's stamp.
type fold struct {
	to   uint64
	body *Shared
}

const (
	// foldBytes bounds one awareness body. Stock clients send back what they are
	// told as JSON.stringify writes it, which may be five times as long (1e20), and
	// a body of theirs over Limits.Event ends their connection.
	foldBytes = 12 << 10
	// keptGone is how long it is remembered that a client has gone. Whoever is
	// further behind has let go of it by itself.
	keptGone = time.Minute
	mostGone = 4096 // are remembered
	// foldsBytes bounds what is folded for peers at different stamps.
	foldsBytes = 1 << 20
)

// note takes states that have changed. Nobody sees them before show.
func (w *whereabouts) note(states []awareness.State, now time.Time) {
	if w.at == nil {
		w.at = map[uint64]*list.Element{}
	}
	for _, st := range states {
		w.last++
		s := &sighting{w.last, st, now}
		if st.Gone() {
			w.gone++
		}
		if e := w.at[st.ClientID]; e != nil {
			if e.Value.(*sighting).state.Gone() {
				w.gone--
			}
			e.Value = s
			w.order.MoveToBack(e)
			continue
		}
		w.at[st.ClientID] = w.order.PushBack(s)
	}
	if w.gone > mostGone {
		w.drop(func(*sighting) bool { return w.gone > mostGone/2 })
	}
}

// show lets peers see what was noted. It returns how many bytes are new to who
// knew all before.
func (w *whereabouts) show() (bytes int) {
	for e := w.order.Back(); e != nil && e.Value.(*sighting).stamp > w.shown; e = e.Prev() {
		bytes += len(e.Value.(*sighting).state.JSON) + 16
	}
	w.shown = w.last
	clear(w.folded)
	w.foldedN = 0
	return bytes
}

// forget drops clients that went long ago, and what was folded.
func (w *whereabouts) forget(now time.Time) {
	w.drop(func(s *sighting) bool { return now.Sub(s.since) > keptGone })
	w.folded, w.foldedN = nil, 0
}

// drop forgets those of the gone that are, from the first on.
func (w *whereabouts) drop(are func(*sighting) bool) {
	var next *list.Element
	for e := w.order.Front(); e != nil && w.gone > 0; e = next {
		next = e.Next()
		s := e.Value.(*sighting)
		if !s.state.Gone() {
			continue
		}
		if !are(s) {
			return
		}
		w.order.Remove(e)
		delete(w.at, s.state.ClientID)
		w.gone--
	}
}

// news tells whether take may return something.
func (w *whereabouts) news(stamp uint64) bool { return stamp < w.shown }

// take returns one body of what has changed since *stamp, which it moves on;
// nil if nothing has.
func (w *whereabouts) take(stamp *uint64) *Shared {
	if !w.news(*stamp) {
		return nil
	}
	from := *stamp
	if f, ok := w.folded[from]; ok {
		*stamp = f.to
		return f.body
	}
	first := w.order.Back()
	for first != nil {
		prev := first.Prev()
		if prev == nil || prev.Value.(*sighting).stamp <= from {
			break
		}
		first = prev
	}
	var states []awareness.State
	size, to := 0, w.shown
	for e := first; e != nil; e = e.Next() {
		s := e.Value.(*sighting)
		if s.stamp <= from || s.stamp > w.shown {
			continue
		}
		if from == 0 && s.state.Gone() {
			continue // a newcomer has never seen it
		}
		if size += len(s.state.JSON) + 16; size > foldBytes && len(states) > 0 {
			to = e.Prev().Value.(*sighting).stamp
			break
		}
		states = append(states, s.state)
	}
	*stamp = to
	if len(states) == 0 {
		return nil
	}
	body := &Shared{Body: wire.AppendAwareness(nil, awareness.Append(nil, states))}
	if w.foldedN += len(body.Body); w.foldedN > foldsBytes {
		clear(w.folded)
		w.foldedN = len(body.Body)
	}
	if w.folded == nil {
		w.folded = map[uint64]fold{}
	}
	w.folded[from] = fold{to, body}
	return body
}
