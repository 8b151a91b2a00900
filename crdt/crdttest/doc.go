// Package crdttest is what tests of documents are made of: an editor that makes
// random edits, a network that loses, doubles, delays and mangles them, and the
// question whether all documents are one in the end.
//
// Everything is driven by the *rand.Rand handed in: print its seed, and a failure can
// be played again.
package crdttest
