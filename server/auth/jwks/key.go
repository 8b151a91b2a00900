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

// keyName is how a token names its key.
type keyName struct{ kid, alg string }

// The algorithms, each with its one kind of key (RFC 7518 §3, RFC 8037).
const (
	rs256 = "RS256"
	es256 = "ES256"
	eddsa = "EdDSA"
)

const (
	maxSize = 256 << 10 // bytes of a set
	maxKeys = 100       // keys of a set
	maxKid  = 256       // bytes of a key id
	// Sizes of RSA keys in bits. Smaller ones are weak; the time to verify a signature
	// grows with the square of the size.
	minRSA, maxRSA = 2048, 8192
)

// jwk is one key of a set (RFC 7517 §4, RFC 7518 §6). Other members are ignored, above all
// x5u, which would make the server fetch a URL.
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

// parse reads a set. Keys that cannot be used here are skipped, as RFC 7517 §5 demands;
// skipped has the reason for each. A set without a usable key is an error.
func parse(text []byte) (keys map[keyName]crypto.PublicKey, skipped []error, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, nil, fmt.Errorf("not a JSON Web Key Set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, nil, fmt.Errorf("the set has %d keys, at most %d are allowed", len(set.Keys), maxKeys)
	}
	keys = map[keyName]crypto.PublicKey{}
	for i, raw := range set.Keys {
		var k jwk
		var alg string
		var key crypto.PublicKey
		err := json.Unmarshal(raw, &k)
		if err == nil {
			alg, key, err = k.public()
		}
		n := keyName{k.Kid, alg}
		if _, twice := keys[n]; err == nil && twice {
			err = errors.New("an earlier key has the same kid")
		}
		if err != nil {
			skipped = append(skipped, fmt.Errorf("key %d: %w", i+1, err))
			continue
		}
		keys[n] = key
	}
	if len(keys) == 0 {
		return nil, skipped, fmt.Errorf("the set has no key for RS256, ES256 or EdDSA: %w", errors.Join(skipped...))
	}
	return keys, skipped, nil
}

// public returns the key and the one algorithm that it may be used for.
func (k *jwk) public() (alg string, key crypto.PublicKey, err error) {
	switch {
	case k.Use != "" && k.Use != "sig":
		return "", nil, errors.New("use is not sig")
	case k.Ops != nil && !slices.Contains(k.Ops, "verify"):
		return "", nil, errors.New("key_ops lacks verify")
	case k.Private != nil:
		return "", nil, errors.New("private key: publish only the public part, and replace this key, since it is no longer secret")
	case len(k.Kid) > maxKid:
		return "", nil, fmt.Errorf("kid has %d bytes, at most %d are allowed", len(k.Kid), maxKid)
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
		return "", nil, fmt.Errorf("kty %.20q with crv %.20q is not supported", k.Kty, k.Crv)
	}
	if err == nil && k.Alg != "" && k.Alg != alg && (k.Alg != "Ed25519" || alg != eddsa) { // RFC 9864's name
		err = fmt.Errorf("alg %.20q is not supported", k.Alg)
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
		return nil, fmt.Errorf("RSA key of %d bits, want %d to %d", bits, minRSA, maxRSA)
	}
	if exponent.BitLen() > 31 || exponent.Cmp(big.NewInt(3)) < 0 || exponent.Bit(0) == 0 {
		return nil, errors.New("e: want an odd number from 3 to 2^31-1")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

func (k *jwk) p256() (*ecdsa.PublicKey, error) {
	x, err := number32(k.X)
	if err != nil {
		return nil, fmt.Errorf("x: %w", err)
	}
	y, err := number32(k.Y)
	if err != nil {
		return nil, fmt.Errorf("y: %w", err)
	}
	// ParseUncompressedPublicKey refuses points that are not on the curve.
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), bytes.Join([][]byte{{4}, x, y}, nil))
}

func (k *jwk) ed25519() (ed25519.PublicKey, error) {
	x, err := number32(k.X)
	return x, err
}

// number decodes an unsigned integer (RFC 7518 §2, Base64urlUInt).
func number(text string) ([]byte, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil && len(b) == 0 {
		err = errors.New("missing")
	}
	return b, err
}

// number32 decodes a number of exactly 32 bytes.
func number32(text string) ([]byte, error) {
	b, err := number(text)
	if err == nil && len(b) != 32 {
		err = fmt.Errorf("%d bytes, want 32", len(b))
	}
	return b, err
}
