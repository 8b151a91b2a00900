package room

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/presence/awareness"
	"weft/server/auth"
	"weft/server/event"
	"weft/server/room/feed"
	"weft/server/wire"
)

// nobody is a Peer that does nothing: the step uses a peer only as a key.
type nobody struct{ name string }

func (*nobody) Wake(*feed.Reader)            {}
func (*nobody) Deliver(Class, []byte)        {}
func (*nobody) DeliverEvent(*event.Encoded)  {}
func (*nobody) Acked(uint64)                 {}
func (*nobody) Refused()                     {}
func (*nobody) Echoes() bool                 { return false }
func (*nobody) Close(wire.CloseCode, string) {}

func newState() *state {
	return &state{id: "r", limits: DefaultLimits(), doc: crdt.New(crdt.Options{}), aware: awareness.NewSet(awareness.Options{}), owners: clientOwners{}}
}

func insert(t *testing.T, client uint64, text string) []byte {
	t.Helper()
	u, err := crdt.New(crdt.Options{ClientID: client}).InsertText("t", 0, text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func update(u []byte) wire.Body {
	return wire.Body{Type: wire.TypeSync, Sync: ysync.Update, Payload: u}
}

var start = time.Unix(1_800_000_000, 0)

// joinOf returns the command with which a peer joins at start.
func joinOf(p Peer, info PeerInfo) command {
	return command{kind: commandJoin, peer: p, member: newMember(p, info, nil), now: start}
}

// enter joins a peer that may read, or write as well.
func enter(s *state, name string, mayWrite bool) Peer {
	p := &nobody{name}
	role := auth.Read
	if mayWrite {
		role = auth.Write
	}
	s.step(joinOf(p, PeerInfo{Role: role, User: name, Name: name}))
	return p
}

// as joins one more connection of a person.
func as(s *state, info PeerInfo) Peer {
	p := &nobody{info.User}
	s.step(joinOf(p, info))
	return p
}

func kinds(effects []effect) (k []effectKind) {
	for _, e := range effects {
		k = append(k, e.kind)
	}
	return k
}

func TestUpdateIsJournaledSharedAndAckedInThatOrder(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	enter(s, "b", true)
	u := insert(t, 1, "hi")
	effects := s.step(command{kind: commandMessage, peer: a, body: update(u)})
	want := []effectKind{effectJournal, effectUpdate, effectAck}
	if got := kinds(effects); len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Fatalf("effects %v, want %v", got, want)
	}
	if !bytes.Equal(effects[0].data, u) {
		t.Error("the journal does not get the very bytes of the message")
	}
	if effects[1].to != s.members.of(a) {
		t.Error("the update that is shared has another author")
	}
	if e := effects[2]; e.to != s.members.of(a) || e.n != 1 || e.after != 1 {
		t.Errorf("ack %+v, want one of message 1 after record 1, to the author", e)
	}
	if got := s.doc.Text("t").String(); got != "hi" {
		t.Errorf("text %q", got)
	}
}

func TestKnownUpdateIsAckedAndNotWrittenAgain(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	u := insert(t, 1, "hi")
	s.step(command{kind: commandMessage, peer: a, body: update(u)})
	effects := s.step(command{kind: commandMessage, peer: a, body: update(u)})
	if len(effects) != 1 || effects[0].kind != effectAck || effects[0].n != 2 || effects[0].after != 1 {
		t.Errorf("effects %+v", effects)
	}
}

func TestReaderChangesNothing(t *testing.T) {
	s := newState()
	a := enter(s, "a", false)
	enter(s, "b", true)
	// A step 2 without news is acked at once, as there is nothing to store.
	nothing := wire.Body{Type: wire.TypeSync, Sync: ysync.Step2, Payload: []byte{0, 0}}
	effects := s.step(command{kind: commandMessage, peer: a, body: nothing})
	if len(effects) != 1 || effects[0].kind != effectAck || effects[0].n != 1 {
		t.Errorf("effects %+v", effects)
	}
	if effects := s.step(command{kind: commandMessage, peer: a, body: update(insert(t, 1, "hi"))}); len(effects) != 1 || effects[0].kind != effectRefuse {
		t.Errorf("effects %v", kinds(effects))
	}
	if got := s.doc.Text("t").String(); got != "" {
		t.Errorf("text %q", got)
	}
	// No ack covers a refused update, also not once the peer may write.
	for _, role := range []auth.Role{auth.Read, auth.Write} {
		s.step(command{kind: commandGrant, peer: a, info: PeerInfo{Role: role}})
		for _, e := range s.step(command{kind: commandMessage, peer: a, body: nothing}) {
			if e.kind == effectAck && e.n > 1 {
				t.Errorf("%v: ack %d covers an update that was refused", role, e.n)
			}
		}
	}
	// Other peers do not see a reader's awareness.
	s.step(command{kind: commandGrant, peer: a, info: PeerInfo{Role: auth.Read}})
	if effects := s.step(command{kind: commandMessage, peer: a, body: aware(7, 1, `{}`), now: start}); len(effects) != 0 {
		t.Errorf("awareness of a reader: %+v", effects)
	}
}

func TestGrantAppliesToLaterMessages(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	enter(s, "b", true)
	s.step(command{kind: commandMessage, peer: a, body: aware(7, 1, `{}`), now: start})
	if gone := s.step(command{kind: commandGrant, peer: a, info: PeerInfo{Role: auth.Read}, now: start}); len(gone) != 1 || s.aware.Len() != 0 {
		t.Errorf("after the peer became a reader: effects %+v, %d states left", gone, s.aware.Len())
	}
	if effects := s.step(command{kind: commandMessage, peer: a, body: update(insert(t, 1, "hi"))}); len(effects) != 1 || effects[0].kind != effectRefuse {
		t.Errorf("effects %v", kinds(effects))
	}
	s.step(command{kind: commandGrant, peer: a, info: PeerInfo{Role: auth.Write}})
	if effects := s.step(command{kind: commandMessage, peer: a, body: update(insert(t, 2, "hi"))}); len(effects) != 3 {
		t.Errorf("effects %v", kinds(effects))
	}
}

func TestBadFrameClosesOnlyItsSender(t *testing.T) {
	for name, b := range map[string]wire.Body{
		"update":       update([]byte{1, 1, 1}),
		"state vector": {Type: wire.TypeSync, Sync: ysync.Step1, Payload: []byte{9}},
		"awareness":    {Type: wire.TypeAwareness, Payload: []byte{1, 1, 1, 1, '{'}},
	} {
		s := newState()
		a := enter(s, "a", true)
		enter(s, "b", true)
		before := s.doc.EncodeStateAsUpdate(nil)
		effects := s.step(command{kind: commandMessage, peer: a, body: b})
		if len(effects) != 1 || effects[0].kind != effectClose || effects[0].to != s.members.of(a) || effects[0].code != wire.CloseBadFrame {
			t.Errorf("%s: effects %+v", name, effects)
		}
		if !bytes.Equal(before, s.doc.EncodeStateAsUpdate(nil)) {
			t.Errorf("%s: the document has changed", name)
		}
	}
}

func TestStepOneIsAlwaysAnswered(t *testing.T) {
	s := newState()
	a := enter(s, "a", false)
	effects := s.step(command{kind: commandMessage, peer: a, body: wire.Body{Type: wire.TypeSync, Sync: ysync.Step1, Payload: []byte{0}}})
	if len(effects) != 1 || effects[0].kind != effectStepOne || !bytes.Equal(effects[0].data, []byte{0}) {
		t.Fatalf("effects %+v", effects)
	}
	answer := s.cache.stepTwo(s, effects[0].data)
	if len(answer) != 1 || !bytes.Equal(answer[0].Body, wire.AppendStep2(nil, []byte{0, 0})) {
		t.Errorf("answer %+v", answer)
	}
}

func aware(id, clock uint64, json string) wire.Body {
	return wire.Body{Type: wire.TypeAwareness, Payload: awareness.Append(nil, []awareness.State{{ClientID: id, Clock: clock, JSON: []byte(json)}})}
}

func TestAwarenessIsEchoedOnceAndLeavesWithItsConnection(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	b := enter(s, "b", true)
	effects := s.step(command{kind: commandMessage, peer: a, body: aware(7, 1, `{"x":1}`), now: start})
	if got, want := kinds(effects), []effectKind{effectTouch, effectAwareness}; !slices.Equal(got, want) || len(effects[1].states) != 1 {
		t.Fatalf("effects %v with %+v, want %v with one state", got, effects, want)
	}
	if effects[0].to != s.members.of(a) {
		t.Error("another peer than the sender is touched")
	}
	// The other client echoes the state: that must not start a storm of echoes.
	if effects := s.step(command{kind: commandMessage, peer: b, body: aware(7, 1, `{"x":1}`), now: start}); len(effects) != 0 {
		t.Errorf("an echoed state has effects %+v", effects)
	}
	// The other peer leaves: the first one's state stays.
	if effects := s.step(command{kind: commandLeave, peer: b, now: start}); effects != nil {
		t.Errorf("effects %+v", effects)
	}
	effects = s.step(command{kind: commandLeave, peer: a, now: start})
	if len(effects) != 1 || !effects[0].states[0].Gone() || s.aware.Len() != 0 {
		t.Errorf("effects %+v, %d states left", effects, s.aware.Len())
	}
	if effects := s.step(command{kind: commandLeave, peer: a, now: start}); effects != nil {
		t.Errorf("leaving twice: %+v", effects)
	}
}

func TestReconnectedClientOutlivesItsOldConnection(t *testing.T) {
	s := newState()
	ana := PeerInfo{Role: auth.Write, User: "ana", Name: "Ana"}
	old := as(s, ana)
	s.step(command{kind: commandMessage, peer: old, body: aware(7, 1, `{}`), now: start})
	again := as(s, ana)
	s.step(command{kind: commandMessage, peer: again, body: aware(7, 2, `{}`), now: start})
	if effects := s.step(command{kind: commandLeave, peer: old, now: start}); effects != nil || s.aware.Len() != 1 {
		t.Errorf("the old connection removed the client: %+v", effects)
	}
	// A client that removes its state has no owner any more.
	s.step(command{kind: commandMessage, peer: again, body: aware(7, 3, `null`), now: start})
	if effects := s.step(command{kind: commandLeave, peer: again, now: start}); effects != nil {
		t.Errorf("effects %+v", effects)
	}
}

func TestAwarenessExpiresAfterThirtySeconds(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	s.step(command{kind: commandMessage, peer: a, body: aware(7, 1, `{}`), now: start})
	if effects := s.step(command{kind: commandTick, now: start.Add(29 * time.Second)}); effects != nil {
		t.Errorf("after 29 s: %+v", effects)
	}
	if effects := s.step(command{kind: commandTick, now: start.Add(31 * time.Second)}); len(effects) != 1 {
		t.Errorf("after 31 s: %+v", effects)
	}
}

func TestNewPeerIsAskedAndGetsAwareness(t *testing.T) {
	s := newState()
	a := enter(s, "a", true)
	s.step(command{kind: commandMessage, peer: a, body: aware(7, 1, `{}`), now: start})
	effects := s.step(joinOf(&nobody{"b"}, PeerInfo{}))
	if len(effects) != 2 || effects[0].kind != effectSend || effects[1].kind != effectAllAwareness {
		t.Errorf("effects %+v", effects)
	}
}

// TestAwarenessClientsOfAPeerAreLimited: a peer may send any number of clients, and the
// room accepts maxClients of them.
func TestAwarenessClientsOfAPeerAreLimited(t *testing.T) {
	s := newState()
	a, b := enter(s, "a", true), enter(s, "b", true)
	for id := range uint64(3 * maxClients) {
		effects := s.step(command{kind: commandMessage, peer: a, body: aware(id+1, 1, `{}`), now: start})
		if over := len(effects) == 1 && effects[0].kind == effectLimit && effects[0].limit == "awareness-clients"; over != (id >= maxClients) {
			t.Errorf("client %d: effects %+v", id+1, effects)
		}
	}
	if s.aware.Len() != maxClients {
		t.Errorf("the room has %d clients of one peer", s.aware.Len())
	}
	// Another peer echoes all of them, as stock clients do, and has a client of its own.
	s.step(command{kind: commandMessage, peer: b, body: wire.Body{Type: wire.TypeAwareness, Payload: awareness.Append(nil, s.aware.All())}, now: start})
	s.step(command{kind: commandMessage, peer: b, body: aware(1000, 1, `{}`), now: start})
	if s.aware.Len() != maxClients+1 {
		t.Errorf("the room has %d clients of two peers", s.aware.Len())
	}
	// The accepted clients can still renew their states.
	if news := s.step(command{kind: commandMessage, peer: a, body: aware(1, 2, `{}`), now: start}); len(news) != 1 {
		t.Errorf("effects %+v", news)
	}
}
