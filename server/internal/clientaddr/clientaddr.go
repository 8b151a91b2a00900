// Package clientaddr finds out which network address a request comes from, also
// behind reverse proxies. Limits per address are counted by what it returns.
package clientaddr

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Of returns the address of the client that sent r: an IPv4 address, or the /64
// network of an IPv6 address, since one customer of a provider has all of it.
//
// If the request was sent by one of the trusted proxies, the client is the last
// address in X-Forwarded-For that is not a trusted proxy. Addresses before that
// one may have been written by the client itself and are ignored.
func Of(r *http.Request, proxies []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && isTrusted(ip, proxies); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		ip = hop
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		network, err := ip.Prefix(64)
		if err == nil {
			return network.String()
		}
	}
	return ip.String()
}

func isTrusted(ip netip.Addr, proxies []netip.Prefix) bool {
	ip = ip.Unmap().WithZone("")
	for _, p := range proxies {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
