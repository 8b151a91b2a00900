//go:build !unix

package main

// outgrow does nothing where there is no file size limit.
func outgrow() {}
