//go:build !unix

package crdt_test

import "time"

var begun = time.Now()

func busy() time.Duration { return time.Since(begun) }
