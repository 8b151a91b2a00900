package jwks

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"weft/server/auth"
)

func verifier(t *testing.T, c auth.Config, keys ...members) *auth.Verifier {
	t.Helper()
	s := (&issuer{text: set(keys...)}).set()
	if err := s.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.Keys = s
	v, err := auth.NewVerifier(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sign(t *testing.T, method jwt.SigningMethod, key any, kid string, change map[string]any) string {
	t.Helper()
	claims := jwt.MapClaims{"sub": "ana", "aud": "weft", "exp": time.Now().Add(time.Minute).Unix(), "rooms": [][]string{{"**", "write"}}}
	for name, value := range change {
		if claims[name] = value; value == nil {
			delete(claims, name)
		}
	}
	token := jwt.NewWithClaims(method, claims)
	if kid != "" {
		token.Header["kid"] = kid
	}
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestTokensOfAnIssuer(t *testing.T) {
	v := verifier(t, auth.Config{}, rsaKey("a"), ecKey("b"), edKey("c"))
	for _, token := range []string{
		sign(t, jwt.SigningMethodRS256, keys().rsa, "a", nil), sign(t, jwt.SigningMethodES256, keys().ec, "b", nil),
		sign(t, jwt.SigningMethodEdDSA, keys().ed, "c", nil), sign(t, jwt.SigningMethodEdDSA, keys().ed, "", nil),
	} {
		id, err := v.Identify(token)
		if err != nil || id.User != "ana" || id.Role("any") != auth.Write {
			t.Errorf("%+v, %v", id, err)
		}
	}
}

// TestAlgorithmConfusion: no form of a public key serves as a secret, no key for
// another algorithm than its own, and no token goes unsigned.
func TestAlgorithmConfusion(t *testing.T) {
	der, err := x509.MarshalPKIXPublicKey(&keys().rsa.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string][]byte{
		"PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), "DER": der, "PKCS#1": x509.MarshalPKCS1PublicKey(&keys().rsa.PublicKey),
		"modulus": keys().rsa.N.Bytes(), "text": []byte(b64(keys().rsa.N.Bytes())), "Ed25519": keys().ed[32:], "empty": {}, "zeros": make([]byte, 32),
		"set": set(rsaKey("a")),
	}
	for mode, c := range map[string]auth.Config{"keys alone": {}, "a secret too": {Secret: []byte(strings.Repeat("s", 32))}} {
		v := verifier(t, c, rsaKey("a"), ecKey("b"), edKey("c"))
		for name, secret := range secrets {
			for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512} {
				for _, kid := range []string{"a", "c", ""} {
					if id, err := v.Identify(sign(t, method, secret, kid, nil)); !errors.Is(err, auth.ErrToken) {
						t.Errorf("%s: %s as %s under %q: %+v, %v", mode, name, method.Alg(), kid, id, err)
					}
				}
			}
		}
		for name, token := range map[string]string{
			"none":               sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "a", nil),
			"PS256":              sign(t, jwt.SigningMethodPS256, keys().rsa, "a", nil),
			"RS512":              sign(t, jwt.SigningMethodRS512, keys().rsa, "a", nil),
			"under another kind": sign(t, jwt.SigningMethodES256, keys().ec, "a", nil),
			"unknown kid":        sign(t, jwt.SigningMethodRS256, keys().rsa, "../../etc/passwd", nil),
		} {
			if id, err := v.Identify(token); !errors.Is(err, auth.ErrToken) {
				t.Errorf("%s: %s: %+v, %v", mode, name, id, err)
			}
		}
		critical := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{"sub": "ana", "aud": "weft", "exp": time.Now().Add(time.Minute).Unix()})
		critical.Header["kid"], critical.Header["crit"] = "c", []string{"b64"}
		text, err := critical.SignedString(keys().ed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Identify(text); !errors.Is(err, auth.ErrToken) {
			t.Errorf("%s: crit: %v", mode, err)
		}
		// The secret is for our own tokens, if there is one.
		if _, err := v.Identify(sign(t, jwt.SigningMethodHS256, []byte(strings.Repeat("s", 32)), "", nil)); (err == nil) != (c.Secret != nil) {
			t.Errorf("%s: with the secret: %v", mode, err)
		}
	}
}

// TestClaimsOfAnIssuer: time, audience and issuer count, and what is demanded of
// an issuer's tokens is not demanded of ours.
func TestClaimsOfAnIssuer(t *testing.T) {
	now := time.Now()
	v := verifier(t, auth.Config{Secret: []byte(strings.Repeat("s", 32)), Issuer: "https://id.example.org", Audience: "weft-web"}, edKey("c"))
	with := func(change map[string]any) map[string]any {
		all := map[string]any{"iss": "https://id.example.org", "aud": []string{"other", "weft-web"}}
		for name, value := range change {
			all[name] = value
		}
		return all
	}
	for name, c := range map[string]struct {
		change map[string]any
		want   error
	}{
		"as demanded":        {nil, nil},
		"another iss":        {map[string]any{"iss": "https://id.example.org.evil.example"}, auth.ErrToken},
		"no iss":             {map[string]any{"iss": nil}, auth.ErrToken},
		"another aud":        {map[string]any{"aud": "weft"}, auth.ErrToken},
		"no aud":             {map[string]any{"aud": nil}, auth.ErrToken},
		"no exp":             {map[string]any{"exp": nil}, auth.ErrToken},
		"expired":            {map[string]any{"exp": now.Add(-time.Minute).Unix()}, auth.ErrExpired},
		"clock a bit behind": {map[string]any{"exp": now.Add(-auth.Leeway / 2).Unix()}, nil},
		"clock a bit ahead":  {map[string]any{"nbf": now.Add(auth.Leeway / 2).Unix()}, nil},
		"not yet":            {map[string]any{"nbf": now.Add(time.Hour).Unix()}, auth.ErrToken},
		"no sub":             {map[string]any{"sub": nil}, auth.ErrToken},
	} {
		_, err := v.Identify(sign(t, jwt.SigningMethodEdDSA, keys().ed, "c", with(c.change)))
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if _, err := v.Identify(sign(t, jwt.SigningMethodHS256, []byte(strings.Repeat("s", 32)), "", nil)); err != nil {
		t.Errorf("our own: %v", err)
	}
}

func TestKeysOutOfReachAreNotTheTokensFault(t *testing.T) {
	v, err := auth.NewVerifier(auth.Config{Keys: (&issuer{err: errors.New("secret-host is down")}).set()})
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Identify(sign(t, jwt.SigningMethodEdDSA, keys().ed, "c", nil))
	if !errors.Is(err, auth.ErrKeys) || errors.Is(err, auth.ErrToken) || strings.Contains(err.Error(), "secret-host") {
		t.Error(err)
	}
	if _, err := v.Sign(auth.Identity{User: "ana"}, time.Minute); err == nil {
		t.Error("signed without a secret")
	}
}
