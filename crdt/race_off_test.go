//go:build !race

package crdt

const thin = false
