package room

import (
	"time"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/event"
	"weft/server/wire"
)

// An effect is one thing that the room does after a step, in order.
type effect struct {
	kind   effectKind
	to     *member        // the peer that it is about; effectUpdate: the author
	body   []byte         // effectSend
	event  *event.Encoded // effectSendEvent, effectBroadcast
	data   []byte         // effectJournal, effectUpdate: the update; effectStepOne: the state vector
	states []awareness.State
	n      uint64 // effectAck: number of the peer's document messages
	// after is the journal record that must be durable before an ack may leave; 0: none.
	after  uint64
	code   wire.CloseCode
	reason string // effectClose; effectLimit: a warning for the log, empty for none
	limit  string // effectLimit; effectClose: the limit that is the reason, empty for another
	at     time.Time
}

type effectKind int

const (
	effectSend         effectKind = iota // deliver body, of class Document, to one peer
	effectSendEvent                      // deliver event to one peer
	effectBroadcast                      // deliver event to all peers
	effectJournal                        // append data to the journal
	effectUpdate                         // put data into the feed, for all peers but its author
	effectAck                            // ack n messages to one peer once record after is durable
	effectRefuse                         // tell one peer that its message was dropped
	effectStepOne                        // answer one peer's step 1 with state vector data
	effectAwareness                      // put states into the feed
	effectAllAwareness                   // give one peer the awareness of all clients
	effectTouch                          // tell one peer that its person is active
	effectProbe                          // have one peer check its connection
	effectPending                        // updates are pending since at; the zero time: none are
	effectClose                          // close one peer, which leaves the room
	effectLimit                          // count that a limit was reached
)

// A command is what happens to a room.
type command struct {
	kind    commandKind
	peer    Peer
	info    PeerInfo        // commandJoin, commandGrant
	member  *member         // commandJoin
	body    wire.Body       // commandMessage
	read    func(*crdt.Doc) // commandRead
	now     time.Time
	failing bool // commandStorage: the disk refuses writes
}

type commandKind int

const (
	commandJoin    commandKind = iota
	commandGrant               // the peer's role or name has changed
	commandLeave               //
	commandMessage             // the peer has sent body
	commandRead                // read looks at the document
	commandStorage             // the disk has begun or ceased to refuse writes
	commandTick                // about tickEvery has passed
)
