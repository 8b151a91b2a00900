// Package guard makes HTTP clients for URLs from untrusted sources (SSRF protection).
// Such a client connects only to addresses that its Control function allows, whatever a
// DNS name resolves to, and follows no redirects.
package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"syscall"
	"time"
)

// Config of a Client.
type Config struct {
	// Timeout of a whole request, from the name lookup to the end of the body.
	Timeout time.Duration
	// Control refuses a connection by returning an error. It is called with the IP
	// address after the name was resolved and before the connection is made, so a DNS
	// answer that changes in between (rebinding) has no effect. See
	// net.Dialer.ControlContext.
	Control func(ctx context.Context, network, address string, c syscall.RawConn) error
	// RootCAs are trusted instead of the system's; nil: the system's.
	RootCAs *x509.CertPool
	// Resolver of DNS names; nil: the system's.
	Resolver *net.Resolver
}

// Client returns an HTTP client that obeys Control, follows no redirects and uses no proxy.
// The caller must bound how much of a response body it reads. Safe for concurrent use.
func Client(c Config) *http.Client {
	dialer := &net.Dialer{
		Timeout:        min(c.Timeout, 5*time.Second),
		KeepAlive:      30 * time.Second,
		ControlContext: c.Control,
		Resolver:       c.Resolver,
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would resolve and connect without Control
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{RootCAs: c.RootCAs, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			MaxIdleConnsPerHost:    2,
			IdleConnTimeout:        90 * time.Second,
			TLSHandshakeTimeout:    min(c.Timeout, 5*time.Second),
			ResponseHeaderTimeout:  c.Timeout,
			MaxResponseHeaderBytes: 32 << 10,
			DisableCompression:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       c.Timeout,
	}
}

// special are the special-purpose networks (RFC 6890 and IANA's registries) among IPv4
// and within globalUnicast.
var special = func() (list []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", // IETF protocol assignments: Teredo, ORCHID, …
		"2001:db8::/32", "2002::/16" /* 6to4 */, "2620:4f:8000::/48", "3fff::/20",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

var globalUnicast = netip.MustParsePrefix("2000::/3")

// Public reports whether the address is a public Internet address. An IPv6 address must be
// in 2000::/3, which excludes loopback, link-local, unique local, multicast and NAT64
// addresses. An IPv4-mapped IPv6 address is judged as the IPv4 address.
func Public(addr netip.Addr) bool {
	addr = addr.Unmap()
	if !addr.IsValid() || addr.Zone() != "" || addr.Is6() && !globalUnicast.Contains(addr) {
		return false
	}
	for _, p := range special {
		if p.Contains(addr) {
			return false
		}
	}
	return true
}

// IsLoopback reports whether host, a name or an address with or without brackets and port,
// is "localhost" or a loopback address. It looks no name up.
func IsLoopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.Unmap().IsLoopback()
}
