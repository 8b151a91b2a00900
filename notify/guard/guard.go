// Package guard makes HTTP clients for URLs that come from outside: they connect
// where they may and nowhere else, whatever a name resolves to or an answer asks
// for.
package guard

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// Config of a Client.
type Config struct {
	// Timeout of a whole request.
	Timeout time.Duration
	// Control has the last word, with the address that is about to be connected
	// to: after the name was resolved, so that a name cannot change its mind in
	// between. See net.Dialer.ControlContext.
	Control func(ctx context.Context, network, address string, c syscall.RawConn) error
	// RootCAs, if set, are trusted instead of the system's.
	RootCAs *x509.CertPool
	// Resolver; nil is the system's.
	Resolver *net.Resolver
}

// Client makes a client that obeys Control. It follows no redirects and uses no
// proxy. The caller bounds how much of a body it reads.
func Client(c Config) *http.Client {
	dialer := &net.Dialer{
		Timeout:        min(c.Timeout, 5*time.Second),
		KeepAlive:      30 * time.Second,
		ControlContext: c.Control,
		Resolver:       c.Resolver,
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  nil, // a proxy would resolve and connect past Control
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

// Of the addresses of the special registries (RFC 6890 and IANA's later entries),
// those inside what Public takes for granted.
var special = func() (list []netip.Prefix) {
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
		"172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		"2001::/23", // protocols: Teredo, ORCHID, …
		"2001:db8::/32", "2002::/16" /* 6to4 */, "2620:4f:8000::/48", "3fff::/20",
	} {
		list = append(list, netip.MustParsePrefix(s))
	}
	return list
}()

var globalUnicast = netip.MustParsePrefix("2000::/3")

// Public tells whether the address is on the open Internet. An IPv6 address has
// to be of 2000::/3, which leaves out loopback, link-local, unique local,
// multicast, NAT64 and every way but one to write an IPv4 address; that one is
// undone first.
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
