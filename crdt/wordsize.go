//go:build 386 || arm || mips || mipsle

package crdt

// Clocks and lengths are ints: on 32 bits they would overflow, silently.
var _ = weft_needs_a_64_bit_processor
