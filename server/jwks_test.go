package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/websocket"

	"weft/crdt/lib0"
	"weft/server/wire"
)

// TestJWKSTokensAtEveryDoor checks that with --jwks every door accepts the issuer's tokens
// and refuses requests without one. While the keys cannot be fetched, the doors answer
// 503 or close with 1013, not with "bad token": some clients would not retry after that.
func TestJWKSTokensAtEveryDoor(t *testing.T) {
	issuer := startIssuer(t)
	s := startServer(t, Config{JWKS: issuer.url, JWKSPrivate: true, Issuer: "https://id.example.org"})
	token := issuer.sign(t)
	hello, err := wire.EncodeEvent("hello", map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	native := wire.AppendFrame(nil, 0, hello)
	address := wire.AppendAddress(nil, []byte("r"))
	hocuspocus := lib0.AppendVarString(append(address, byte(wire.TypeAuth), 0), token)
	if code := s.requestJSON(t, "GET", "/api/rooms/r/doc", token, nil, nil); code != 503 {
		t.Errorf("HTTP, keys not fetched: status %d, want 503", code)
	}
	if _, code := s.dialWebSocket(t, "/ws/r", token, nil); code != 503 {
		t.Errorf("y-websocket, keys not fetched: status %d, want 503", code)
	}
	for path, frame := range map[string][]byte{"/socket": native, "/hocuspocus": hocuspocus} {
		if answer, code := firstAnswer(t, s, path, frame); code != int(wire.CloseOverload) {
			t.Errorf("%s, keys not fetched: answer %x, want close code 1013", path, answer)
		}
	}
	issuer.isUp.Store(true)
	retry, deadline := time.NewTicker(100*time.Millisecond), time.After(2*time.Minute)
	defer retry.Stop()
	for s.requestJSON(t, "GET", "/api/rooms/r/doc", token, nil, nil) != 200 { // the server retries by itself
		select {
		case <-retry.C:
		case <-deadline:
			t.Fatal("the server has not fetched the keys after 2 minutes")
		}
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/other/doc", token, nil, nil); code != 403 {
		t.Errorf("another room: status %d, want 403", code)
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/r/doc", "", nil, nil); code != 401 {
		t.Errorf("without a token: status %d, want 401", code)
	}
	ws, code := s.dialWebSocket(t, "/ws/r", token, nil)
	if code != 101 {
		t.Errorf("y-websocket: status %d, want 101", code)
	} else {
		ws.Close()
	}
	if answer, code := firstAnswer(t, s, "/socket", native); code != 0 || !strings.Contains(string(answer), "welcome") {
		t.Errorf("native: close code %d, answer %q; want welcome", code, answer)
	}
	if answer, code := firstAnswer(t, s, "/hocuspocus", hocuspocus); code != 0 || !strings.Contains(string(answer), "read-write") {
		t.Errorf("Hocuspocus: close code %d, answer %q; want read-write", code, answer)
	}
}

// tokenIssuer is an issuer of tokens with one Ed25519 key. It serves the key while isUp.
type tokenIssuer struct {
	url     string
	isUp    atomic.Bool
	private ed25519.PrivateKey
}

func startIssuer(t *testing.T) *tokenIssuer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	issuer := &tokenIssuer{private: private}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !issuer.isUp.Load() {
			http.Error(w, "starting", http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	}))
	t.Cleanup(server.Close)
	issuer.url = server.URL
	return issuer
}

// sign returns a token of ana for an hour with the role write in room r.
func (i *tokenIssuer) sign(t *testing.T) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://id.example.org", "sub": "ana", "aud": "weft", "exp": time.Now().Add(time.Hour).Unix(),
		"rooms": [][]string{{"r", "write"}},
	})
	unsigned.Header["kid"] = "k1"
	token, err := unsigned.SignedString(i.private)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// firstAnswer opens a connection and sends the frame, which authenticates it. It returns the
// first answer, or the close code 1013.
func firstAnswer(t *testing.T, s *testServer, path string, frame []byte) (answer []byte, code int) {
	t.Helper()
	ws, _, err := (&websocket.Dialer{Subprotocols: []string{wire.Subprotocol}}).DialContext(t.Context(), "ws://"+s.host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if err := ws.WriteMessage(websocket.BinaryMessage, frame); err != nil {
		t.Fatal(err)
	}
	_ = ws.SetReadDeadline(time.Now().Add(90 * time.Second))
	_, answer, err = ws.ReadMessage()
	if websocket.IsCloseError(err, int(wire.CloseOverload)) {
		return nil, int(wire.CloseOverload)
	}
	if err != nil {
		t.Fatal(err)
	}
	return answer, 0
}

// TestJWKSConfig checks that an invalid JWKS configuration is refused, and that with keys
// a server is not in open mode and may listen on any address.
func TestJWKSConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"an issuer and no keys": {Issuer: "https://id.example.org"},
		"http":                  {JWKS: "http://id.example.org/keys"},
		"a missing file":        {JWKS: t.TempDir() + "/none"},
	} {
		c.Data = t.TempDir()
		if err := c.Check(); err == nil {
			t.Errorf("%s: the configuration is accepted", name)
		}
	}
	c := Config{Data: t.TempDir(), Addr: "0.0.0.0:8080", JWKS: "https://id.example.org/keys"}
	if err := c.Check(); err != nil || c.OpenMode() {
		t.Errorf("with keys, on all addresses: error %v, open mode %v; want neither", err, c.OpenMode())
	}
}
