package main

import "slices"

// The libraries that are compared.
const (
	weft  = "weft"
	yjs   = "yjs"
	ywasm = "ywasm"
)

var libs = []string{weft, yjs, ywasm}

// A benchCase is one row of the tables. Each library measures it in a process of its own.
type benchCase struct {
	name string   // as in the table
	does string   // the operation, by which child.go and peer.mjs select their code
	arg  string   // of the operation: a file or a number
	slow bool     // left out by -quick
	not  []string // libraries that lack the operation or would take too long
}

func (c benchCase) skip(lib string) bool { return slices.Contains(c.not, lib) }

// cases are measured in this order. Samples of heapCase are bytes, all others milliseconds.
var cases = []benchCase{
	{name: "B4, 259,778 updates one by one", does: "apply", arg: "b4.bin"},
	{name: "B4, each ready to broadcast", does: "broadcast", arg: "b4.bin"},
	{name: "four people typing, 20,000 updates", does: "broadcast", arg: "people.bin"},
	{name: "map, 20,000 writes to 2,000 keys", does: "broadcast", arg: "map.bin"},
	{name: "load B4, V1", does: "loadV1", arg: "b4.v1"},
	{name: "load B4, V2", does: "loadV2", arg: "b4.v2"},
	{name: "encode B4 after a change, V1", does: "encodeV1", arg: "b4.v1"},
	{name: "encode B4 after a change, V2", does: "encodeV2", arg: "b4.v1"},
	{name: "encode B4 again, unchanged", does: "encodeAgain"},
	{name: "diff for a client 100 keys behind", does: "diff"},
	{name: "the same, after a change", does: "diffChanged"},
	{name: "mergeUpdates, first 1,000", does: "merge", arg: "1000", not: []string{ywasm}},
	{name: "mergeUpdates, first 10,000", does: "merge", arg: "10000", not: []string{ywasm}},
	{name: "mergeUpdates, all 259,778", does: "merge", arg: "259778", not: []string{ywasm}},
	{name: "load B4 × 100, V1", does: "loadV1", arg: "x100.v1", slow: true},
	{name: "encode B4 × 100 after a change, V1", does: "encodeV1", arg: "x100.v1", slow: true},
	{name: heapCase, does: "heap"},
}

const heapCase = "heap of a loaded B4 document"

// documents returns how many documents are loaded to measure the heap; 1,000 would exceed
// the memory of the other libraries.
func documents(lib string) string {
	if lib == weft {
		return "1000"
	}
	return "100"
}
