package jwks

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weft/server/auth"
)

var b64 = base64.RawURLEncoding.EncodeToString

// keys are the keys of the tests, generated once since RSA keys take long.
var keys = sync.OnceValue(func() (k struct {
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
	ed  ed25519.PrivateKey
}) {
	var err [3]error
	k.rsa, err[0] = rsa.GenerateKey(rand.Reader, 2048)
	k.ec, err[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, k.ed, err[2] = ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err[:]...); err != nil {
		panic(err)
	}
	return k
})

type members map[string]any

func rsaKey(kid string) members {
	k := keys().rsa
	return members{"kty": "RSA", "kid": kid, "n": b64(k.N.Bytes()), "e": "AQAB"}
}

func ecKey(kid string) members {
	point, err := keys().ec.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return members{"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(point[1:33]), "y": b64(point[33:])}
}

func edKey(kid string) members {
	return members{"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": b64(keys().ed.Public().(ed25519.PublicKey))}
}

func (m members) with(name string, value any) members {
	m[name] = value
	return m
}

func set(keys ...members) []byte {
	if keys == nil {
		keys = []members{}
	}
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		panic(err)
	}
	return text
}

func TestKeysOfASet(t *testing.T) {
	found, skipped, err := parse(set(rsaKey("a"), ecKey("a").with("use", "sig").with("key_ops", []string{"verify"}), edKey("b").with("alg", "EdDSA"), members{"kty": "oct", "kid": "c", "k": "AAAA"}))
	if err != nil || len(found) != 3 || len(skipped) != 1 {
		t.Fatalf("%d keys, %v, %v", len(found), skipped, err)
	}
	for n, want := range map[keyName]interface{ Equal(crypto.PublicKey) bool }{
		{"a", rs256}: &keys().rsa.PublicKey, {"a", es256}: &keys().ec.PublicKey, {"b", eddsa}: keys().ed.Public().(ed25519.PublicKey),
	} {
		if !want.Equal(found[n]) {
			t.Errorf("%v is %v", n, found[n])
		}
	}
}

// TestUnusableKeysAreSkipped: keys of another purpose, weak keys and private keys are
// skipped, and a set without any other key is refused.
func TestUnusableKeysAreSkipped(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	many := make([]members, maxKeys+1)
	for i := range many {
		many[i] = edKey(fmt.Sprint(i))
	}
	for name, text := range map[string][]byte{
		"nothing":            nil,
		"a page":             []byte("<!doctype html>"),
		"another object":     []byte(`{"error":"moved"}`),
		"keys of another":    []byte(`{"keys":"none"}`),
		"no key":             set(),
		"a secret":           set(members{"kty": "oct", "k": b64(make([]byte, 32)), "alg": "HS256"}),
		"for encryption":     set(rsaKey("a").with("use", "enc")),
		"for signing alone":  set(rsaKey("a").with("key_ops", []string{"sign"})),
		"private":            set(edKey("a").with("d", b64(keys().ed.Seed()))),
		"RSA of 1024 bits":   set(members{"kty": "RSA", "n": b64(weak.N.Bytes()), "e": "AQAB"}),
		"RSA of 16384 bits":  set(rsaKey("a").with("n", b64([]byte(strings.Repeat("\xff", 2048))))),
		"an even exponent":   set(rsaKey("a").with("e", "AQAA")),
		"exponent 1":         set(rsaKey("a").with("e", "AQ")),
		"a long exponent":    set(rsaKey("a").with("e", "AQAAAAE")),
		"no exponent":        set(rsaKey("a").with("e", "")),
		"padded":             set(rsaKey("a").with("e", "AQAB====")),
		"PS256":              set(rsaKey("a").with("alg", "PS256")),
		"RS256 for a curve":  set(ecKey("a").with("alg", "RS256")),
		"HS256 for a curve":  set(ecKey("a").with("alg", "HS256")),
		"P-384":              set(ecKey("a").with("crv", "P-384")),
		"off the curve":      set(ecKey("a").with("y", b64(make([]byte, 32)))),
		"a short coordinate": set(ecKey("a").with("x", "AQAB")),
		"a short point":      set(edKey("a").with("x", "AQAB")),
		"another Edwards":    set(edKey("a").with("crv", "Ed448")),
		"kid is a number":    set(edKey("a").with("kid", 7)),
		"a long kid":         set(edKey(strings.Repeat("k", maxKid+1))),
		"too many":           set(many...),
	} {
		if found, _, err := parse(text); err == nil {
			t.Errorf("%s: %v", name, found)
		}
	}
	if found, _, err := parse(set(many[:maxKeys]...)); err != nil || len(found) != maxKeys {
		t.Errorf("%d keys: %v", len(found), err)
	}
	// The first of two keys with one name counts, not a random one.
	other := edKey("a").with("x", b64(make([]byte, 32)))
	if found, skipped, err := parse(set(edKey("a"), other)); err != nil || len(skipped) != 1 || !keys().ed.Public().(ed25519.PublicKey).Equal(found[keyName{"a", eddsa}]) {
		t.Errorf("two keys of one name: %v, %v, %v", found, skipped, err)
	}
}

// issuer is a key source whose answer the test sets.
type issuer struct {
	mu    sync.Mutex
	text  []byte
	err   error
	reads int
}

func (i *issuer) read(context.Context) ([]byte, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.reads++
	return i.text, i.err
}

func (i *issuer) answer(text []byte, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.text, i.err = text, err
}

func (i *issuer) readCount() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reads
}

func (i *issuer) set() *Set { return &Set{read: i.read, log: slog.New(slog.DiscardHandler)} }

// TestUnknownKeyCausesARead: a token with a new key is accepted at once. Ten thousand
// tokens with made-up keys cause one read in minUnknownInterval.
func TestUnknownKeyCausesARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{text: set(edKey("old"))}
		s := i.set()
		for range 10_000 {
			if _, err := s.Find("made up", eddsa); !errors.Is(err, auth.ErrToken) {
				t.Fatal(err)
			}
		}
		if n := i.readCount(); n != 1 {
			t.Errorf("the source was read %d times", n)
		}
		i.answer(set(edKey("old"), edKey("new")), nil)
		time.Sleep(minUnknownInterval)
		var waiting sync.WaitGroup
		for range 100 {
			waiting.Go(func() {
				if _, err := s.Find("new", eddsa); err != nil {
					t.Error(err)
				}
			})
		}
		waiting.Wait()
		if n := i.readCount(); n != 2 {
			t.Errorf("the source was read %d times", n)
		}
		if _, err := s.Find("new", rs256); !errors.Is(err, auth.ErrToken) {
			t.Errorf("for another algorithm: %v", err)
		}
	})
}

// TestIssuerUnreachable: while the issuer is down, known keys are accepted for maxStale,
// and an unknown key is ErrKeys (cannot know now), not ErrToken (invalid).
func TestIssuerUnreachable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{err: errors.New("unreachable")}
		s := i.set()
		if _, err := s.Find("a", eddsa); !errors.Is(err, auth.ErrKeys) {
			t.Errorf("before the first read: %v", err)
		}
		i.answer(set(edKey("a")), nil)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		time.Sleep(time.Second)
		if _, err := s.Find("a", eddsa); err != nil {
			t.Error(err)
		}
		for _, broken := range []error{errors.New("unreachable"), nil} {
			i.answer([]byte("<html>"), broken)
			time.Sleep(refreshInterval + time.Second)
			if _, err := s.Find("a", eddsa); err != nil {
				t.Errorf("a known key: %v", err)
			}
			if _, err := s.Find("b", eddsa); !errors.Is(err, auth.ErrKeys) {
				t.Errorf("an unknown key: %v", err)
			}
		}
		time.Sleep(maxStale)
		if _, err := s.Find("a", eddsa); !errors.Is(err, auth.ErrKeys) {
			t.Errorf("a known key after maxStale: %v", err)
		}
		i.answer(set(edKey("b")), nil)
		time.Sleep(maxBackoff)
		if _, err := s.Find("b", eddsa); err != nil {
			t.Errorf("after the issuer is back: %v", err)
		}
		if _, err := s.Find("a", eddsa); !errors.Is(err, auth.ErrToken) {
			t.Errorf("a withdrawn key: %v", err)
		}
		cancel()
		<-ended
	})
}

func TestTokenWithoutKid(t *testing.T) {
	i := &issuer{text: set(edKey("a"), ecKey("b"), rsaKey("c"), rsaKey("d").with("n", b64(append([]byte{0xc1}, keys().rsa.N.Bytes()[1:]...))))}
	s := i.set()
	if err := s.refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for alg, known := range map[string]bool{eddsa: true, es256: true, rs256: false, "HS256": false, "none": false} {
		if key, err := s.Find("", alg); (err == nil) != known {
			t.Errorf("%s: %v, %v", alg, key, err)
		}
	}
}

func TestSources(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "keys.json")
	for _, bad := range []string{
		"", "http://id.example.org/keys", "ftp://id.example.org/keys", "https://", "https:///keys", "https://ana:pw@id.example.org/keys",
		"https://id.example.org/keys#a", "file://else.example.org" + file, "https://[::1/", filepath.Join(dir, "missing"), dir,
	} {
		if _, err := New(Config{Source: bad}); err == nil {
			t.Errorf("source %q was accepted", bad)
		}
	}
	if err := os.WriteFile(file, set(edKey("a")), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, good := range []string{file, "file://" + file, "https://id.example.org/keys?a=b", "https://id.example.org:8443/keys"} {
		if _, err := New(Config{Source: good}); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	s, err := New(Config{Source: file})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find("a", eddsa); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat(" ", maxSize+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Config{Source: file}); err == nil || !strings.Contains(err.Error(), "larger") {
		t.Errorf("a large file: %v", err)
	}
}

// TestURLs: keys are fetched from the URL and from nowhere else, and at most maxSize bytes
// of them.
func TestURLs(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		elsewhere.Add(1)
		w.Write(set(edKey("a")))
	}))
	defer other.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) { w.Write(set(edKey("a"))) })
	mux.HandleFunc("/endless", func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := io.WriteString(w, strings.Repeat(" ", 1<<16)); err != nil {
				return
			}
		}
	})
	mux.Handle("/moved", http.RedirectHandler(other.URL, http.StatusFound))
	mux.Handle("/gone", http.NotFoundHandler())
	server := httptest.NewServer(mux)
	defer server.Close()
	fetch := func(c Config) error {
		c.timeout = time.Minute
		s, err := New(c)
		if err != nil {
			return err
		}
		return s.refresh(t.Context())
	}
	if err := fetch(Config{Source: server.URL + "/keys", Private: true}); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"/endless", "/moved", "/gone"} {
		if err := fetch(Config{Source: server.URL + path, Private: true}); err == nil {
			t.Errorf("%s was accepted", path)
		}
	}
	if elsewhere.Load() != 0 {
		t.Error("a redirect was followed")
	}
	// Loopback is not a public address.
	secure := httptest.NewTLSServer(mux)
	defer secure.Close()
	if err := fetch(Config{Source: secure.URL + "/keys"}); !errors.Is(err, ErrSource) || !strings.Contains(err.Error(), "--jwks-private") {
		t.Errorf("a private address: %v", err)
	}
}

// FuzzSet: any bytes are either refused or parsed into keys that can verify signatures.
func FuzzSet(f *testing.F) {
	f.Add(set(rsaKey("a"), ecKey("b"), edKey("c")))
	f.Add([]byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`))
	f.Add([]byte(`{"keys":[{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, _, err := parse(text)
		if (err == nil) != (len(found) > 0) {
			t.Fatalf("%d keys and %v", len(found), err)
		}
		for n, key := range found {
			switch k := key.(type) {
			case *rsa.PublicKey:
				if n.alg != rs256 || k.Size() < minRSA/8 || k.Size() > maxRSA/8 {
					t.Fatalf("%v: %d bytes", n, k.Size())
				}
				_ = rsa.VerifyPKCS1v15(k, crypto.SHA256, make([]byte, 32), make([]byte, k.Size()))
			case *ecdsa.PublicKey:
				if n.alg != es256 || k.Curve != elliptic.P256() {
					t.Fatal(n)
				}
			case ed25519.PublicKey:
				if n.alg != eddsa || len(k) != ed25519.PublicKeySize {
					t.Fatal(n)
				}
			default:
				t.Fatalf("%T", key)
			}
		}
	})
}
