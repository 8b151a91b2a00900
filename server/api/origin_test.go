package api

import (
	"net/http/httptest"
	"testing"
)

func TestOrigins(t *testing.T) {
	local := Origins{Local: true}
	public := Origins{Allowed: []string{"https://app.example.org"}, PublicURL: "https://weft.example.org"}
	for _, c := range []struct {
		name         string
		o            Origins
		host, origin string
		want         bool
	}{
		{"no page", public, "weft.example.org", "", true},
		{"our own page", public, "weft.example.org", "https://weft.example.org", true},
		{"an allowed page", public, "weft.example.org", "https://app.example.org", true},
		{"the public name behind a proxy", public, "10.0.0.1:8080", "https://weft.example.org", true},
		{"another page", public, "weft.example.org", "https://evil.example", false},
		{"a longer name", public, "weft.example.org", "https://app.example.org.evil.example", false},
		{"another scheme", public, "weft.example.org", "http://app.example.org", false},
		{"another port", public, "weft.example.org", "https://app.example.org:444", false},
		{"null", public, "weft.example.org", "null", false},
		{"a file", public, "weft.example.org", "file://", false},
		{"loopback is nothing special there", public, "weft.example.org", "http://localhost:3000", false},
		{"a development server", local, "localhost:8080", "http://localhost:5173", true},
		{"IPv6", local, "[::1]:8080", "http://[::1]:5173", true},
		{"another page, local", local, "localhost:8080", "https://evil.example", false},
		{"a name that looks local", local, "localhost:8080", "http://localhost.evil.example", false},
	} {
		r := httptest.NewRequest("GET", "/ws/r", nil)
		r.Host = c.host
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if err := c.o.Check(r); (err == nil) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRebindingIsRefused(t *testing.T) {
	local := Origins{Local: true, PublicURL: "http://weft.test"}
	for host, want := range map[string]bool{
		"localhost:8080": true, "127.0.0.1:8080": true, "[::1]:8080": true, "LOCALHOST": true, "weft.test": true,
		"evil.example:8080": false, "localhost.evil.example": false, "192.168.1.5:8080": false, "": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if err := local.checkHost(r); (err == nil) != want {
			t.Errorf("%q: %v", host, err)
		}
	}
}
