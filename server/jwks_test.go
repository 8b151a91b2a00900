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

// TestTokensOfAnIssuerAtEveryDoor: with --jwks its tokens are taken, and nobody
// comes in without one. As long as its keys can't be fetched every door says to
// come back, and none that the token is bad: some clients would not ask again.
func TestJWKSTokensAtEveryDoor(t *testing.T) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var up atomic.Bool
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			http.Error(w, "starting", http.StatusBadGateway)
			return
		}
		fmt.Fprintf(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k1","x":%q}]}`, base64.RawURLEncoding.EncodeToString(public))
	}))
	defer issuer.Close()
	s := startServer(t, Config{JWKS: issuer.URL, JWKSPrivate: true, Issuer: "https://id.example.org"})
	unsigned := jwt.NewWithClaims(jwt.SigningMethodEdDSA, jwt.MapClaims{
		"iss": "https://id.example.org", "sub": "ana", "aud": "weft", "exp": time.Now().Add(time.Hour).Unix(),
		"rooms": [][]string{{"r", "write"}},
	})
	unsigned.Header["kid"] = "k1"
	token, err := unsigned.SignedString(private)
	if err != nil {
		t.Fatal(err)
	}
	hello, err := wire.EncodeEvent("hello", map[string]string{"token": token})
	if err != nil {
		t.Fatal(err)
	}
	// enter says who it is, and returns the first answer, or the code it is closed with.
	enter := func(path string, frame []byte) (answer []byte, code int) {
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
	native := wire.AppendFrame(nil, 0, hello)
	address := wire.AppendAddress(nil, []byte("r"))
	hocuspocus := lib0.AppendVarString(append(address, byte(wire.TypeAuth), 0), token)
	if code := s.requestJSON(t, "GET", "/api/rooms/r/doc", token, nil, nil); code != 503 {
		t.Errorf("HTTP, no keys: %d", code)
	}
	if _, code := s.dialWebSocket(t, "/ws/r", token, nil); code != 503 {
		t.Errorf("y-websocket, no keys: %d", code)
	}
	for path, frame := range map[string][]byte{"/socket": native, "/hocuspocus": hocuspocus} {
		if answer, code := enter(path, frame); code != int(wire.CloseOverload) {
			t.Errorf("%s, no keys: %x", path, answer)
		}
	}
	up.Store(true)
	again, late := time.NewTicker(100*time.Millisecond), time.After(2*time.Minute)
	defer again.Stop()
	for s.requestJSON(t, "GET", "/api/rooms/r/doc", token, nil, nil) != 200 { // it tries again by itself
		select {
		case <-again.C:
		case <-late:
			t.Fatal("the keys were never read")
		}
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/other/doc", token, nil, nil); code != 403 {
		t.Errorf("another room: %d", code)
	}
	if code := s.requestJSON(t, "GET", "/api/rooms/r/doc", "", nil, nil); code != 401 {
		t.Errorf("without a token: %d", code)
	}
	ws, code := s.dialWebSocket(t, "/ws/r", token, nil)
	if code != 101 {
		t.Errorf("y-websocket: %d", code)
	} else {
		ws.Close()
	}
	if answer, code := enter("/socket", native); code != 0 || !strings.Contains(string(answer), "welcome") {
		t.Errorf("native: %d, %q", code, answer)
	}
	if answer, code := enter("/hocuspocus", hocuspocus); code != 0 || !strings.Contains(string(answer), "read-write") {
		t.Errorf("Hocuspocus: %d, %q", code, answer)
	}
}

func TestJWKSConfig(t *testing.T) {
	for name, c := range map[string]Config{
		"an issuer and no keys": {Issuer: "https://id.example.org"},
		"http":                  {JWKS: "http://id.example.org/keys"},
		"a missing file":        {JWKS: t.TempDir() + "/none"},
	} {
		c.Data = t.TempDir()
		if err := c.Check(); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	// With keys a server is not open, and may listen anywhere.
	c := Config{Data: t.TempDir(), Addr: "0.0.0.0:8080", JWKS: "https://id.example.org/keys"}
	if err := c.Check(); err != nil || c.OpenMode() {
		t.Errorf("%v, open: %v", err, c.OpenMode())
	}
}
