// Package crdttest helps to test documents: Edit makes random edits, Network delivers them
// with losses, repetitions, delays and truncated copies, and Converge checks that all
// documents are equal in the end.
//
// All randomness comes from the *rand.Rand argument: a test that prints its seed can be
// repeated. Nothing here is safe for concurrent use.
package crdttest
