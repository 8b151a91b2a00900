package clientaddr

import (
	"net/http"
	"net/netip"
	"testing"
)

// from is a request as a proxy or a client sends it.
func from(remote string, forwarded ...string) *http.Request {
	r := &http.Request{RemoteAddr: remote, Header: http.Header{}}
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

// TestForwardedAddressesAreBelievedOnlyFromProxies promises: X-Forwarded-For
// counts only if a trusted proxy sent it, and only as far as trusted proxies
// wrote it.
func TestForwardedAddressesAreBelievedOnlyFromProxies(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		want string
		r    *http.Request
	}{
		{"203.0.113.9", from("203.0.113.9:1234")},
		{"203.0.113.9", from("203.0.113.9:1234", "198.51.100.1")},                     // not a proxy of ours
		{"198.51.100.1", from("10.1.2.3:1", "198.51.100.1")},                          // one hop
		{"198.51.100.1", from("10.1.2.3:1", "1.1.1.1, 198.51.100.1")},                 // what the client made up is further left
		{"198.51.100.1", from("10.1.2.3:1", "1.1.1.1", "198.51.100.1, 10.9.9.9")},     // two hops, two headers
		{"10.1.2.3", from("10.1.2.3:1", "nonsense")},                                  // nothing to believe
		{"10.1.2.3", from("10.1.2.3:1")},                                              // the proxy itself
		{"10.9.9.9", from("10.1.2.3:1", "10.9.9.9")},                                  // from inside
		{"198.51.100.1", from("[::ffff:10.1.2.3]:1", "::ffff:198.51.100.1")},          // IPv4 in IPv6
		{"2001:db8:1:2::/64", from("[2001:db8:1:2:3:4:5:6]:1")},                       // one customer's network
		{"2001:db8:1:2::/64", from("[fd00::1%eth0]:1", "2001:db8:1:2:ffff:ffff:0:1")}, // behind a proxy
		{"unix", from("unix")},                                                        // whatever a listener says
	} {
		if got := Of(c.r, proxies); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.r.RemoteAddr, c.r.Header, got, c.want)
		}
	}
}
