//go:build !unix

package main

// ignoreFileSizeSignal does nothing where there is no file size limit.
func ignoreFileSizeSignal() {}
