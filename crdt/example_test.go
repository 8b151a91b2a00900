package crdt_test

import (
	"fmt"

	"weft/crdt"
)

// Two writers edit at once, exchange what they did, and have the same document.
func Example() {
	ana := crdt.New(crdt.Options{ClientID: 1})
	ben := crdt.New(crdt.Options{ClientID: 2})

	first, _ := ana.InsertText("notes", 0, "weft")
	ben.ApplyUpdate(first)

	fromAna, _ := ana.InsertText("notes", 0, "warp and ")
	fromBen, _ := ben.InsertText("notes", 4, "!")
	ana.ApplyUpdate(fromBen)
	ben.ApplyUpdate(fromAna)

	fmt.Println(ana.Text("notes").String())
	fmt.Println(ben.Text("notes").String())
	// Output:
	// warp and weft!
	// warp and weft!
}

// A peer that was away says what it knows and gets what it lacks.
func ExampleDoc_EncodeStateAsUpdate() {
	server := crdt.New(crdt.Options{ClientID: 1})
	server.InsertText("notes", 0, "one ")
	peer := crdt.New(crdt.Options{})
	peer.ApplyUpdate(server.EncodeStateAsUpdate(nil))

	server.InsertText("notes", 4, "two")
	sv, err := crdt.DecodeStateVector(peer.EncodeStateVector())
	if err != nil {
		fmt.Println(err)
	}
	changed, err := peer.ApplyUpdate(server.EncodeStateAsUpdate(sv))
	fmt.Println(peer.Text("notes").String(), changed, err)
	// Output: one two true <nil>
}
