package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var secret = []byte("0123456789abcdef0123456789abcdef")

func verifier(t *testing.T, c Config) *Verifier {
	t.Helper()
	if c.Secret == nil {
		c.Secret = secret
	}
	v, err := NewVerifier(c)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestGrantMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, room string
		want          bool
	}{
		{"docs/42", "docs/42", true},
		{"docs/42", "docs/421", false},
		{"docs/*", "docs/42", true},
		{"docs/*", "docs/42/a", false},
		{"docs/*", "docs", false},
		{"docs/**", "docs/42/a", true},
		{"docs/**", "docs", false},
		{"docs/**", "docsx/1", false},
		{"*", "docs", true},
		{"*", "docs/1", false},
		{"**", "docs/1/2", true},
	} {
		if got := (Grant{Pattern: c.pattern}).Matches(c.room); got != c.want {
			t.Errorf("%s matches %s: %v", c.pattern, c.room, got)
		}
	}
}

func TestFirstGrantWins(t *testing.T) {
	id := Identity{Grants: []Grant{{"docs/secret", None}, {"docs/*", Write}, {"**", Read}}}
	for room, want := range map[string]Role{"docs/secret": None, "docs/1": Write, "other": Read} {
		if got := id.Role(room); got != want {
			t.Errorf("%s: %v, want %v", room, got, want)
		}
	}
	if got := (Identity{}).Role("any"); got != None {
		t.Errorf("without grants: %v", got)
	}
}

func TestInvalidPatternsAreRefused(t *testing.T) {
	for _, text := range []string{`["a*b","read"]`, `["*/a","read"]`, `["","read"]`, `["a","owner"]`, `["a"]`, `"a"`, `["a/***","read"]`} {
		var g Grant
		if err := json.Unmarshal([]byte(text), &g); err == nil {
			t.Errorf("grant %s was accepted as %+v", text, g)
		}
	}
}

func TestTokenRoundTrip(t *testing.T) {
	v := verifier(t, Config{})
	token, err := v.Sign(Identity{User: "ana", Name: "Ana", Grants: []Grant{{"docs/*", Comment}}}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	id, err := v.Identify(token)
	if err != nil || id.User != "ana" || id.Name != "Ana" || id.Role("docs/1") != Comment || id.Role("x") != None {
		t.Errorf("%+v, %v", id, err)
	}
}

func TestInvalidTokensAreRefused(t *testing.T) {
	v := verifier(t, Config{})
	now := time.Now()
	base := func() jwt.MapClaims {
		return jwt.MapClaims{"sub": "ana", "aud": "weft", "exp": now.Add(time.Minute).Unix()}
	}
	sign := func(method jwt.SigningMethod, key any, c jwt.MapClaims) string {
		s, err := jwt.NewWithClaims(method, c).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	change := func(key string, value any) jwt.MapClaims {
		c := base()
		if c[key] = value; value == nil {
			delete(c, key)
		}
		return c
	}
	good := sign(jwt.SigningMethodHS256, secret, base())
	if _, err := v.Identify(good); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token string
		want  error
	}{
		"none":          {"", ErrNoToken},
		"alg none":      {sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, base()), ErrToken},
		"another alg":   {sign(jwt.SigningMethodHS512, secret, base()), ErrToken},
		"another key":   {sign(jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), base()), ErrToken},
		"no exp":        {sign(jwt.SigningMethodHS256, secret, change("exp", nil)), ErrToken},
		"expired":       {sign(jwt.SigningMethodHS256, secret, change("exp", now.Add(-time.Minute).Unix())), ErrExpired},
		"not yet valid": {sign(jwt.SigningMethodHS256, secret, change("nbf", now.Add(time.Hour).Unix())), ErrToken},
		"another aud":   {sign(jwt.SigningMethodHS256, secret, change("aud", "other")), ErrToken},
		"no aud":        {sign(jwt.SigningMethodHS256, secret, change("aud", nil)), ErrToken},
		"no sub":        {sign(jwt.SigningMethodHS256, secret, change("sub", nil)), ErrToken},
		"sub with CRLF": {sign(jwt.SigningMethodHS256, secret, change("sub", "a\r\nb")), ErrToken},
		"bad role":      {sign(jwt.SigningMethodHS256, secret, change("rooms", [][]string{{"a", "owner"}})), ErrToken},
		"truncated":     {good[:len(good)-4], ErrToken},
		"garbage":       {"a.b.c", ErrToken},
		"huge":          {strings.Repeat("a", MaxToken+1), ErrToken},
	} {
		_, err := v.Identify(c.token)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if err != nil && len(c.token) > 8 && strings.Contains(err.Error(), c.token[:8]) {
			t.Errorf("%s: the error repeats the token", name)
		}
	}
}

func TestTokenAtTheSizeLimit(t *testing.T) {
	v := verifier(t, Config{})
	for size, want := range map[int]error{MaxToken: nil, MaxToken + 1: ErrToken} {
		pad := 3 * size / 4
		token, header := "", map[string]any{}
		for len(token) != size && pad > 0 {
			unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
				"sub": "ana", "aud": "weft", "exp": time.Now().Add(time.Minute).Unix(), "pad": strings.Repeat("x", pad),
			})
			for name, value := range header {
				unsigned.Header[name] = value
			}
			var err error
			if token, err = unsigned.SignedString(secret); err != nil {
				t.Fatal(err)
			}
			if len(token) <= size { // not every length is possible in base64; a longer header makes it so
				header["typ"] = fmt.Sprint(header["typ"], "x")
				continue
			}
			pad--
		}
		if _, err := v.Identify(token); len(token) != size || !errors.Is(err, want) {
			t.Errorf("token of %d bytes (wanted %d): %v, want %v", len(token), size, err, want)
		}
	}
}

func TestGuestsOnlyInOpenMode(t *testing.T) {
	closed, open := verifier(t, Config{}), verifier(t, Config{Open: true})
	if _, _, err := closed.Guest("Ana", ""); err == nil {
		t.Error("a guest was made outside open mode")
	}
	id, token, err := open.Guest(" Ana\u202e\n ", "")
	if err != nil || id.Name != "Ana" {
		t.Fatalf("%+v, %v", id, err)
	}
	again, err := open.Identify(token)
	if err != nil || again.User != id.User || again.Role("any") != Write {
		t.Errorf("%+v, %v", again, err)
	}
	// The token grants nothing once open mode is switched off.
	if left, err := closed.Identify(token); err != nil || left.Role("any") != None {
		t.Errorf("after open mode: %+v, %v", left, err)
	}
	// A guest may change their name and stays the same person.
	renamed, token, err := open.Guest("Anna", token)
	if err != nil || renamed.User != id.User || renamed.Name != "Anna" {
		t.Errorf("renamed: %+v, %v", renamed, err)
	}
	if again, err := open.Identify(token); err != nil || again.Name != "Anna" || again.User != id.User {
		t.Errorf("renamed: %+v, %v", again, err)
	}
	if _, _, err := open.Guest("Eve", token+"x"); !errors.Is(err, ErrToken) {
		t.Errorf("with a bad token: %v", err)
	}
	a, _ := open.Identify("")
	b, _ := open.Identify("")
	if a.User == b.User {
		t.Error("two guests have the same id")
	}
}

func TestCleanAvatar(t *testing.T) {
	for in, ok := range map[string]bool{
		"https://a.example/x.png?s=1": true, "http://a.example/": true, "/avatars/ana.png": true, "": true,
		"javascript:alert(1)": false, "JavaScript:alert(1)": false, "data:text/html,<script>": false, "//evil.invalid/x": false,
		"https:x": false, "https://": false, "https://u:p@a.example/": false, "https://a.example/\r\nx": false, "https://a.example/ x": false,
		`https://a.example/"onerror=1`: false, "https://a.example/'<": false, "x.png": false, `/\evil.invalid`: false,
		"https://a.example/" + strings.Repeat("x", MaxAvatar): false, "\x01https://a.example/": false, "\u0085": false,
	} {
		if got := CleanAvatar(in); ok && got != in || !ok && got != "" {
			t.Errorf("%q is %q", in, got)
		}
	}
}

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"  Ana  Maria ":         "Ana Maria",
		"a\x00b\tc":             "a b c",
		"\xff\xfe":              "",
		strings.Repeat("😀", 40): strings.Repeat("😀", 16),
		"\u202eevil":            "evil",
	} {
		if got := CleanName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestRequestToken(t *testing.T) {
	r := httptest.NewRequest("GET", "/ws/a?token=q", nil)
	if got := RequestToken(r); got != "q" {
		t.Errorf("query: %q", got)
	}
	r.Header.Set("Sec-WebSocket-Protocol", "weft.1, bearer.p")
	if got := RequestToken(r); got != "p" {
		t.Errorf("subprotocol: %q", got)
	}
	r.Header.Set("Authorization", "bearer h")
	if got := RequestToken(r); got != "h" {
		t.Errorf("header: %q", got)
	}
}

func TestShortSecretIsRefused(t *testing.T) {
	if _, err := NewVerifier(Config{Secret: []byte("short")}); err == nil {
		t.Error("a short secret was accepted")
	}
}
