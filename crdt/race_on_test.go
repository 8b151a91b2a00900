//go:build race

package crdt

// thin says to run a tenth of the random cases and not to count allocations: the race
// detector makes both ten times as dear, and there is no concurrency here to find.
const thin = true
