package notifytest_test

import (
	"crypto/ecdh"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"weft/notify/notifytest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func decode(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestDecryptsTheExampleOfTheRFC: RFC 8291, section 5.
func TestDecryptsTheExampleOfTheRFC(t *testing.T) {
	private, err := ecdh.P256().NewPrivateKey(decode(t, "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
	if err != nil {
		t.Fatal(err)
	}
	auth := decode(t, "BTBZMqHH6r4Tts7J_aSIgg")
	body := decode(t, "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN")
	text, err := notifytest.Decrypt(body, private, auth)
	if err != nil || string(text) != "When I grow up, I want to be a watermelon" {
		t.Fatalf("%q, %v", text, err)
	}
	for i := range body {
		broken := append([]byte{}, body...)
		broken[i] ^= 1
		if text, err := notifytest.Decrypt(broken, private, auth); err == nil && i != 19 { // byte 19 is of the record size, which may be larger
			t.Errorf("decrypted with byte %d changed: %q", i, text)
		}
		if _, err := notifytest.Decrypt(body[:i], private, auth); err == nil {
			t.Errorf("decrypted when truncated to %d bytes", i)
		}
	}
}

func TestControlAndRefusals(t *testing.T) {
	service := notifytest.NewPushService(t)
	transport := &http.Transport{TLSClientConfig: tlsWith(service)}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	do := func(method, url string) (int, string) {
		request, err := http.NewRequest(method, url, strings.NewReader("x"))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(body)
	}
	_, text := do("POST", service.URL()+"/control/subscribe?user=ben")
	var sub struct {
		Endpoint string
		Keys     struct{ P256dh, Auth string }
	}
	if err := json.Unmarshal([]byte(text), &sub); err != nil || len(decode(t, sub.Keys.P256dh)) != 65 || len(decode(t, sub.Keys.Auth)) != 16 {
		t.Fatalf("%s: %v", text, err)
	}
	if status, _ := do("POST", sub.Endpoint); status != http.StatusForbidden || len(service.Refused()) != 1 {
		t.Errorf("a push without a token got %d, refused %v", status, service.Refused())
	}
	if status, _ := do("POST", service.URL()+"/push/nobody"); status != http.StatusGone {
		t.Errorf("an unknown subscription got %d", status)
	}
	if _, text := do("GET", service.URL()+"/control/messages"); strings.TrimSpace(text) != "[]" {
		t.Errorf("messages: %s", text)
	}
	if !strings.Contains(string(service.CertPEM()), "BEGIN CERTIFICATE") {
		t.Error("no certificate")
	}
}
