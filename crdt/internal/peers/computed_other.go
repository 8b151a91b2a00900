//go:build !unix

package main

// computed is not told here: the table then says 0.
func computed() float64 { return 0 }
