package room

import (
	"slices"
	"testing"

	"weft/crdt"
	"weft/crdt/ysync"
	"weft/server/auth"
	"weft/server/wire"
)

// TestUpdatesOfOtherClientsAreAccepted: a connection may bring updates of any client id,
// also of one whose own connection is open and belongs to another person. Stock clients do
// all of this, and nothing in the bytes tells it from a forgery: an update refused here
// would be an honest edit lost (SECURITY.md, "Authorship").
func TestUpdatesOfOtherClientsAreAccepted(t *testing.T) {
	who := func(user string) PeerInfo { return PeerInfo{Role: auth.Write, User: user, Name: user} }
	step2 := func(u []byte) wire.Body { return wire.Body{Type: wire.TypeSync, Sync: ysync.Step2, Payload: u} }
	for name, story := range map[string]func(s *state, say func(Peer, wire.Body), ben *crdt.Doc){
		// Ana is connected to Ben some other way as well (y-webrtc, a
		// BroadcastChannel), and what she hears there arrives here first.
		"relayed before its author": func(s *state, say func(Peer, wire.Body), ben *crdt.Doc) {
			a, b := as(s, who("ana")), as(s, who("ben"))
			first, second := write(t, ben, "one "), write(t, ben, "two")
			say(a, update(first))
			say(a, update(second))
			say(b, update(first))
			say(b, update(second))
		},
		// Ana reconnects and sends everything that her document has.
		"in the step 2 of a reconnecting client": func(s *state, say func(Peer, wire.Body), ben *crdt.Doc) {
			b := as(s, who("ben"))
			say(b, update(write(t, ben, "one ")))
			write(t, ben, "two")
			say(as(s, who("ana")), step2(ben.EncodeStateAsUpdate(nil)))
		},
		// Ben's tab reconnects on a new socket, under a made-up name as it has no
		// token, while the old socket is not known to be dead.
		"on a new connection": func(s *state, say func(Peer, wire.Body), ben *crdt.Doc) {
			say(as(s, PeerInfo{Role: auth.Write, User: "guest-1", Anonymous: true}), update(write(t, ben, "one ")))
			say(as(s, PeerInfo{Role: auth.Write, User: "guest-2", Anonymous: true}), update(write(t, ben, "two")))
		},
		// Ana's connection dies after Ben has built on what she wrote.
		"to complete what was built on": func(s *state, say func(Peer, wire.Body), ben *crdt.Doc) {
			ana := crdt.New(crdt.Options{ClientID: 9})
			hers := write(t, ana, "one ")
			if _, err := ben.ApplyUpdate(hers); err != nil {
				t.Fatal(err)
			}
			as(s, who("ana"))
			b := as(s, who("ben"))
			say(b, update(write(t, ben, "two")))
			say(b, step2(ben.EncodeStateAsUpdate(nil)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newState()
			story(s, func(p Peer, b wire.Body) {
				t.Helper()
				effects := s.step(command{kind: commandMessage, peer: p, body: b, now: start})
				if got := kinds(effects); !slices.Contains(got, effectAck) {
					t.Errorf("effects %v", got)
				}
			}, crdt.New(crdt.Options{ClientID: 7}))
			if got := s.doc.Text("t").String(); got != "one two" {
				t.Errorf("the room has %q", got)
			}
		})
	}
}

// write appends to the document and returns the update.
func write(t *testing.T, d *crdt.Doc, text string) []byte {
	t.Helper()
	u, err := d.InsertText("t", len(d.Text("t").String()), text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
