package presence

import (
	"encoding/json"
	"time"
)

// publishInterval is how often a node publishes its typing marks again. A mark that was
// not received again within the TTL has expired: it was cleared, or its node has stopped.
const publishInterval = time.Second

// maxRemoteMarks is how many people one node publishes for one place, and how many
// are accepted from one message.
const maxRemoteMarks = 4 * MaxTypists

// remoteTyping is what passes between nodes. It is guarded by Typing.mu. The methods
// with a nil receiver do nothing: this is the only node.
type remoteTyping struct {
	publish func(p Place, marks []byte)
	// received is what other nodes published, by place and node.
	received  map[Place]map[string]*nodeMarks
	published map[Place]time.Time // places with marks of this node, and when they were published last
	queue     map[Place]bool      // places to publish now; a set, at most the places that people type in
}

// nodeMarks is what another node published for a place.
type nodeMarks struct {
	marks    []*mark
	received time.Time
}

// remoteMark is one person in a message between nodes.
type remoteMark struct {
	Typist
	Age int64 `json:"age"` // ms since the person began to type
}

// SetPublisher connects this node with others. publish receives what the other
// nodes must give to ReceiveRemote: whenever the marks of this node in a place
// change, and every second while there are some. It is called by the one goroutine,
// so it must not wait; if it drops a message, the others learn of the change a
// second later. marks is JSON. Call SetPublisher once, before any other method.
func (t *Typing) SetPublisher(publish func(p Place, marks []byte)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remote = &remoteTyping{
		publish: publish, received: map[Place]map[string]*nodeMarks{},
		published: map[Place]time.Time{}, queue: map[Place]bool{},
	}
}

// ReceiveRemote takes the marks that another node has published for a place. They
// replace those that it published before, and expire after the TTL unless it
// publishes again. Marks that cannot be decoded are ignored.
func (t *Typing) ReceiveRemote(p Place, node string, marks []byte) {
	var decoded []remoteMark
	if json.Unmarshal(marks, &decoded) != nil || len(decoded) > maxRemoteMarks {
		return
	}
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.remote
	if r == nil {
		return
	}
	before := r.received[p][node]
	if len(decoded) == 0 {
		if before != nil {
			r.remove(p, node)
			t.setChanged(p)
		}
		return
	}
	received := &nodeMarks{received: now}
	for _, m := range decoded {
		start := now.Add(-time.Duration(max(m.Age, 0)) * time.Millisecond)
		if before != nil {
			for _, old := range before.marks {
				if old.typist.ID == m.ID { // keep the order although each message takes another time
					start = old.start
				}
			}
		}
		received.marks = append(received.marks, &mark{place: p, conn: node, typist: m.Typist, start: start, set: now})
	}
	if r.received[p] == nil {
		r.received[p] = map[string]*nodeMarks{}
	}
	r.received[p][node] = received
	t.setChanged(p)
}

func (r *remoteTyping) remove(p Place, node string) {
	delete(r.received[p], node)
	if len(r.received[p]) == 0 {
		delete(r.received, p)
	}
}

// marksIn returns the marks of other nodes in a place.
func (r *remoteTyping) marksIn(p Place) (marks []*mark) {
	if r == nil {
		return nil
	}
	for _, n := range r.received[p] {
		marks = append(marks, n.marks...)
	}
	return marks
}

// enqueue has a place published. Only changes of this node's marks may call it: two
// nodes that published what they received would never stop.
func (r *remoteTyping) enqueue(p Place) {
	if r != nil {
		r.queue[p] = true
	}
}

// deadline returns when marks of other nodes expire or marks of this one must be
// published again.
func (r *remoteTyping) deadline(ttl time.Duration) (at time.Time, ok bool) {
	if r == nil {
		return at, false
	}
	add := func(next time.Time) {
		if !ok || next.Before(at) {
			at, ok = next, true
		}
	}
	for _, last := range r.published {
		add(last.Add(publishInterval))
	}
	for _, nodes := range r.received {
		for _, n := range nodes {
			add(n.received.Add(ttl))
		}
	}
	return at, ok
}

// expireRemote removes the marks of other nodes that were not published again.
func (t *Typing) expireRemote(now time.Time) {
	if t.remote == nil {
		return
	}
	for p, nodes := range t.remote.received {
		for node, n := range nodes {
			if now.Sub(n.received) >= t.ttl {
				t.remote.remove(p, node)
				t.setChanged(p)
			}
		}
	}
}

// publish publishes the places that have changed on this node, and those whose
// interval is over.
func (t *Typing) publish() {
	t.mu.Lock()
	r := t.remote
	if r == nil {
		t.mu.Unlock()
		return
	}
	now := time.Now()
	for p, last := range r.published {
		if now.Sub(last) >= publishInterval {
			r.queue[p] = true
		}
	}
	messages := map[Place][]byte{}
	for p := range r.queue {
		_, before := r.published[p]
		marks := t.localMarks(p, now)
		if len(marks) == 0 && !before {
			continue
		}
		if len(marks) == 0 {
			delete(r.published, p)
		} else {
			r.published[p] = now
		}
		messages[p], _ = json.Marshal(marks) // strings and integers always encode
	}
	clear(r.queue)
	t.mu.Unlock()
	for p, marks := range messages {
		r.publish(p, marks)
	}
}

// localMarks returns the people who type on this node, each once.
func (t *Typing) localMarks(p Place, now time.Time) []remoteMark {
	at := t.places[p]
	marks := []remoteMark{}
	if at == nil {
		return marks
	}
	index := map[string]int{}
	for _, m := range at.marks {
		age := now.Sub(m.start).Milliseconds()
		i, known := index[m.typist.ID]
		switch {
		case known:
			marks[i].Age = max(marks[i].Age, age)
		case len(marks) < maxRemoteMarks:
			index[m.typist.ID] = len(marks)
			marks = append(marks, remoteMark{m.typist, age})
		}
	}
	return marks
}
