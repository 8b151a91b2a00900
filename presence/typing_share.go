package presence

import (
	"encoding/json"
	"time"
)

// shareEvery is how often a node says again who types on it: what others have not
// heard of for the TTL has ended, or its node has.
const shareEvery = time.Second

// maxShared is how many people one node tells of in one place, and how many marks
// are taken from one message.
const maxShared = 4 * MaxTypists

// sharedTyping is what passes between nodes. Everything is guarded by Typing.mu. Its
// methods do nothing for a nil receiver: the node is alone.
type sharedTyping struct {
	tell   func(p Place, marks []byte)
	others map[Place]map[string]*node // by node
	own    map[Place]time.Time        // what this node tells of, and when it did last
	fresh  []Place                    // to be told now
}

// node is what another node said of a place.
type node struct {
	marks []*mark
	heard time.Time
}

// sharedMark is how a person is told to other nodes.
type sharedMark struct {
	Typist
	Age int64 `json:"age"` // ms since they started
}

// Share brings typing together with other nodes: tell is called with what they are
// to Hear of this one, when that changes and every second as long as somebody types.
// It must not wait long; what it drops costs the others a second. Call it once.
func (t *Typing) SetPublisher(tell func(p Place, marks []byte)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shared = &sharedTyping{tell: tell, others: map[Place]map[string]*node{}, own: map[Place]time.Time{}}
}

// Hear takes what another node tells of a place. What it told before is replaced,
// and falls after the TTL if it tells nothing more. What can't be read is passed over.
func (t *Typing) ReceiveRemote(p Place, from string, marks []byte) {
	var said []sharedMark
	if json.Unmarshal(marks, &said) != nil || len(said) > maxShared {
		return
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.shared
	if s == nil {
		return
	}
	before := s.others[p][from]
	if len(said) == 0 {
		if before != nil {
			s.forget(p, from)
			t.touch(p)
		}
		return
	}
	heard := &node{heard: now}
	for _, m := range said {
		start := now.Add(-time.Duration(max(m.Age, 0)) * time.Millisecond)
		if before != nil {
			for _, old := range before.marks {
				if old.who.ID == m.ID { // its way took another time then
					start = old.start
				}
			}
		}
		heard.marks = append(heard.marks, &mark{place: p, conn: from, who: m.Typist, start: start, set: now})
	}
	if s.others[p] == nil {
		s.others[p] = map[string]*node{}
	}
	s.others[p][from] = heard
	t.touch(p)
}

func (s *sharedTyping) forget(p Place, from string) {
	delete(s.others[p], from)
	if len(s.others[p]) == 0 {
		delete(s.others, p)
	}
}

// marks are those of other nodes.
func (s *sharedTyping) marks(p Place) (marks []*mark) {
	if s == nil {
		return nil
	}
	for _, n := range s.others[p] {
		marks = append(marks, n.marks...)
	}
	return marks
}

// expire lets what was not said again fall.
func (s *sharedTyping) expire(t *Typing, now time.Time) {
	if s == nil {
		return
	}
	for p, nodes := range s.others {
		for from, n := range nodes {
			if now.Sub(n.heard) >= t.ttl {
				s.forget(p, from)
				t.touch(p)
			}
		}
	}
}

// changed has a place told again. Only what changes here may call it: two nodes that
// told what they heard would never end.
func (s *sharedTyping) changed(p Place) {
	if s != nil {
		s.fresh = append(s.fresh, p)
	}
}

func (s *sharedTyping) deadline(t *Typing) (at time.Time, ok bool) {
	if s == nil {
		return at, false
	}
	sooner := func(next time.Time) {
		if !ok || next.Before(at) {
			at, ok = next, true
		}
	}
	for _, told := range s.own {
		sooner(told.Add(shareEvery))
	}
	for _, nodes := range s.others {
		for _, n := range nodes {
			sooner(n.heard.Add(t.ttl))
		}
	}
	return at, ok
}

// share tells others what has changed here, and what it is time to say again.
func (t *Typing) share() {
	t.mu.Lock()
	s := t.shared
	if s == nil {
		t.mu.Unlock()
		return
	}
	now := time.Now()
	for p, told := range s.own {
		if now.Sub(told) >= shareEvery {
			s.fresh = append(s.fresh, p)
		}
	}
	said := map[Place][]byte{}
	for _, p := range s.fresh {
		if _, twice := said[p]; twice {
			continue
		}
		_, before := s.own[p]
		marks := t.ownMarks(p, now)
		if len(marks) == 0 && !before {
			continue
		}
		if len(marks) == 0 {
			delete(s.own, p)
		} else {
			s.own[p] = now
		}
		said[p], _ = json.Marshal(marks) // a slice of plain fields always encodes
	}
	s.fresh = nil
	t.mu.Unlock()
	for p, marks := range said {
		s.tell(p, marks)
	}
}

// ownMarks are the people who type here, each once.
func (t *Typing) ownMarks(p Place, now time.Time) []sharedMark {
	at := t.places[p]
	marks := []sharedMark{}
	if at == nil {
		return marks
	}
	index := map[string]int{}
	for _, m := range at.marks {
		age := now.Sub(m.start).Milliseconds()
		i, known := index[m.who.ID]
		switch {
		case known:
			marks[i].Age = max(marks[i].Age, age)
		case len(marks) < maxShared:
			index[m.who.ID] = len(marks)
			marks = append(marks, sharedMark{m.who, age})
		}
	}
	return marks
}
