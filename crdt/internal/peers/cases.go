package main

import "slices"

// The engines that are compared.
const (
	weft  = "weft"
	yjs   = "yjs"
	ywasm = "ywasm"
)

var libs = []string{weft, yjs, ywasm}

// A benchCase is one row. The engines measure it each in a process of its own, by the
// name in does: child.go and peer.mjs hold what that is.
type benchCase struct {
	name string
	does string
	arg  string
	slow bool
	not  []string // engines that cannot do it, or not in bearable time
}

func (c benchCase) skip(lib string) bool { return slices.Contains(c.not, lib) }

// Measures of memory are in bytes, all others in milliseconds.
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

// documents is how many are loaded to measure heap: what the peers can bear.
func documents(lib string) string {
	if lib == weft {
		return "1000"
	}
	return "100"
}
