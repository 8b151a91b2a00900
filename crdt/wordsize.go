//go:build 386 || arm || mips || mipsle

package crdt

// The package converts clocks and lengths to int, which would overflow silently if int had
// 32 bits. The undefined name below stops the compiler on such processors.
var _ = weft_needs_a_64_bit_processor
