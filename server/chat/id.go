package chat

import (
	"crypto/rand"
	"encoding/base32"
)

// newID makes a message id for authors that gave none: 128 random bits.
func newID() string {
	var b [16]byte
	rand.Read(b[:])
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])
}
