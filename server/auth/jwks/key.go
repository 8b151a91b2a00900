package jwks

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// name of a key: what a token says of it.
type name struct{ kid, alg string }

// The algorithms, each with its one kind of key (RFC 7518 §3, RFC 8037).
const (
	rs256 = "RS256"
	es256 = "ES256"
	eddsa = "EdDSA"
)

const (
	maxSize = 256 << 10 // bytes of a set
	maxKeys = 100
	maxKid  = 256 // bytes
	// Verifying takes time that grows with the square of an RSA key's size.
	minRSA, maxRSA = 2048, 8192 // bits
)

// jwk is one key of a set (RFC 7517 §4, RFC 7518 §6). Members that are not here are
// passed over: x5u and the like lead nowhere.
type jwk struct {
	Kty     string   `json:"kty"`
	Kid     string   `json:"kid"`
	Alg     string   `json:"alg"`
	Use     string   `json:"use"`
	Ops     []string `json:"key_ops"`
	Crv     string   `json:"crv"`
	N       string   `json:"n"`
	E       string   `json:"e"`
	X       string   `json:"x"`
	Y       string   `json:"y"`
	Private *string  `json:"d"`
}

// parse reads a set. Keys that are of no use here are left out, as RFC 7517 §5 has
// it; skipped says of each why. A set without any other is an error.
func parse(text []byte) (keys map[name]crypto.PublicKey, skipped []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, nil, fmt.Errorf("it is not a JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("it has %d keys, the limit is %d", len(set.Keys), maxKeys)
	}
	keys = map[name]crypto.PublicKey{}
	for i, raw := range set.Keys {
		var k jwk
		var alg string
		var key crypto.PublicKey
		err := json.Unmarshal(raw, &k)
		if err == nil {
			alg, key, err = k.public()
		}
		n := name{k.Kid, alg}
		if _, twice := keys[n]; err == nil && twice {
			err = errors.New("another key has its kid")
		}
		if err != nil {
			skipped = append(skipped, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		keys[n] = key
	}
	if len(keys) == 0 {
		return nil, skipped, fmt.Errorf("it has no key for RS256, ES256 or EdDSA: %w", errors.Join(skipped...))
	}
	return keys, skipped, nil
}

// public returns the key and the one algorithm that it is for.
func (k *jwk) public() (alg string, key crypto.PublicKey, err error) {
	switch {
	case k.Use != "" && k.Use != "sig":
		return "", nil, errors.New("it is not for signatures")
	case k.Ops != nil && !slices.Contains(k.Ops, "verify"):
		return "", nil, errors.New("it is not for checking signatures")
	case k.Private != nil:
		return "", nil, errors.New("it is a private key: publish the public part alone, and make a new one")
	case len(k.Kid) > maxKid:
		return "", nil, fmt.Errorf("its kid has %d bytes, the limit is %d", len(k.Kid), maxKid)
	}
	switch {
	case k.Kty == "RSA":
		alg = rs256
		key, err = k.rsa()
	case k.Kty == "EC" && k.Crv == "P-256":
		alg = es256
		key, err = k.p256()
	case k.Kty == "OKP" && k.Crv == "Ed25519":
		alg = eddsa
		key, err = k.ed25519()
	default:
		return "", nil, fmt.Errorf("its kind %.20q, curve %.20q is not taken here", k.Kty, k.Crv)
	}
	if err == nil && k.Alg != "" && k.Alg != alg && (k.Alg != "Ed25519" || alg != eddsa) { // RFC 9864's name
		err = fmt.Errorf("its algorithm %.20q is not taken here", k.Alg)
	}
	return alg, key, err
}

func (k *jwk) rsa() (*rsa.PublicKey, error) {
	n, err := number(k.N)
	if err != nil {
		return nil, fmt.Errorf("n: %w", err)
	}
	e, err := number(k.E)
	if err != nil {
		return nil, fmt.Errorf("e: %w", err)
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	if bits := modulus.BitLen(); bits < minRSA || bits > maxRSA || modulus.Bit(0) == 0 {
		return nil, fmt.Errorf("an RSA key has %d to %d bits, not %d", minRSA, maxRSA, bits)
	}
	if exponent.BitLen() > 31 || exponent.Cmp(big.NewInt(3)) < 0 || exponent.Bit(0) == 0 {
		return nil, errors.New("e is not an odd number from 3 to 2^31-1")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func (k *jwk) p256() (*ecdsa.PublicKey, error) {
	x, err := fixed(k.X)
	if err != nil {
		return nil, fmt.Errorf("x: %w", err)
	}
	y, err := fixed(k.Y)
	if err != nil {
		return nil, fmt.Errorf("y: %w", err)
	}
	// It refuses what is not on the curve.
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), bytes.Join([][]byte{{4}, x, y}, nil))
}

func (k *jwk) ed25519() (ed25519.PublicKey, error) {
	x, err := fixed(k.X)
	return x, err
}

func number(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(b) == 0 {
		err = errors.New("it is missing")
	}
	return b, err
}

// fixed is a number of 32 bytes.
func fixed(text string) ([]byte, error) {
	b, err := number(text)
	if err == nil && len(b) != 32 {
		err = fmt.Errorf("it has %d bytes instead of 32", len(b))
	}
	return b, err
}
