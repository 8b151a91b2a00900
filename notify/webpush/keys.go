// Package webpush sends notifications through the push services of browsers: RFC 8030
// (HTTP), RFC 8291 (encryption) and RFC 8292 (VAPID). The payload is that of Declarative
// Web Push; the project's service worker reads the same payload.
//
// The library webpush-go encrypts. The HTTP client, the VAPID token and the handling of
// answers are this package's own: endpoints come from clients, so the HTTP client connects
// only to known push services at public addresses.
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

// Keys are the VAPID key pair of the server (RFC 8292). Subscriptions are bound to it, so
// it is generated once and stored. Printing or logging it shows only the public key.
type Keys struct {
	private *ecdsa.PrivateKey
}

// GenerateKeys generates a key pair on P-256.
func GenerateKeys() (Keys, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Keys{}, fmt.Errorf("webpush: generate keys: %w", err)
	}
	return Keys{private}, nil
}

// ParseKeys parses the result of MarshalBinary.
func ParseKeys(b []byte) (Keys, error) {
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), b)
	if err != nil {
		return Keys{}, errors.New("webpush: not a VAPID private key: want the 32 bytes of a P-256 scalar")
	}
	return Keys{private}, nil
}

// MarshalBinary returns the private scalar, 32 bytes, big endian. It is a secret.
func (k Keys) MarshalBinary() ([]byte, error) {
	if k.private == nil {
		return nil, errors.New("webpush: no keys")
	}
	return k.private.Bytes()
}

// UnmarshalBinary parses the result of MarshalBinary.
func (k *Keys) UnmarshalBinary(b []byte) (err error) {
	*k, err = ParseKeys(b)
	return err
}

// IsZero reports whether k is the zero value, without keys.
func (k Keys) IsZero() bool { return k.private == nil }

// Public returns the applicationServerKey for PushManager.subscribe: the uncompressed
// point, 65 bytes, in unpadded base64url.
func (k Keys) Public() string {
	if k.private == nil {
		return ""
	}
	point, err := k.private.PublicKey.Bytes()
	if err != nil {
		panic(err) // impossible for a key that was generated or parsed
	}
	return base64.RawURLEncoding.EncodeToString(point)
}

// String returns "vapid:" and the public key.
func (k Keys) String() string { return "vapid:" + k.Public() }

// GoString returns String, so that %#v does not print the private key.
func (k Keys) GoString() string { return k.String() }

// LogValue returns String, so that logs do not contain the private key.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }
