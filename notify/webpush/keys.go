// Package webpush sends notifications through browsers' push services: RFC 8030
// (HTTP), RFC 8291 (encryption), RFC 8292 (VAPID), with the payload of Declarative
// Web Push, which a service worker reads as well.
//
// Encryption is webpush-go's. The HTTP client, the VAPID token and the reading of
// answers are ours: endpoints are addresses that strangers gave us, so the client
// connects only to known push services, and only at public addresses.
package webpush

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
)

// Keys are the server's VAPID key pair. Make one once and keep it: subscriptions
// are bound to it. Printed or logged, it shows only the public half.
type Keys struct {
	private *ecdsa.PrivateKey
}

// GenerateKeys makes a key pair.
func GenerateKeys() (Keys, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Keys{}, fmt.Errorf("webpush: generate keys: %w", err)
	}
	return Keys{private}, nil
}

// ParseKeys reads what MarshalBinary wrote.
func ParseKeys(b []byte) (Keys, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
	if err != nil {
		return Keys{}, errors.New("webpush: not a VAPID private key: want the 32 bytes of a P-256 scalar")
	}
	return Keys{private}, nil
}

// MarshalBinary is the private scalar, 32 bytes, big endian: a secret.
func (k Keys) MarshalBinary() ([]byte, error) {
	if k.private == nil {
		return nil, errors.New("webpush: no keys")
	}
	return k.private.Bytes()
}

// UnmarshalBinary reads what MarshalBinary wrote.
func (k *Keys) UnmarshalBinary(b []byte) (err error) {
	*k, err = ParseKeys(b)
	return err
}

// IsZero tells whether there are no keys.
func (k Keys) IsZero() bool { return k.private == nil }

// Public is the applicationServerKey for PushManager.subscribe: the uncompressed
// point, 65 bytes, as unpadded base64url.
func (k Keys) Public() string {
	if k.private == nil {
		return ""
	}
	point, err := k.private.PublicKey.Bytes()
	if err != nil {
		panic(err) // not for a key that was generated or parsed
	}
	return base64.RawURLEncoding.EncodeToString(point)
}

// String is the public key.
func (k Keys) String() string { return "vapid:" + k.Public() }

// GoString is String, so that %#v tells no more.
func (k Keys) GoString() string { return k.String() }

// LogValue is String.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }
