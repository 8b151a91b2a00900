package webpush

import (
	"context"
	"crypto/ecdh"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"

	"weft/notify/guard"
)

// DefaultHosts are the push services of the common browsers. "*." matches any subdomain,
// but not the domain itself.
var DefaultHosts = []string{
	"fcm.googleapis.com",                // Chrome, Edge on some systems, Opera, …
	"updates.push.services.mozilla.com", // Firefox
	"*.push.services.mozilla.com",
	"web.push.apple.com", // Safari
	"*.push.apple.com",
	"*.notify.windows.com", // Edge
}

// ErrRefused is wrapped by errors about an endpoint or key that this sender does not push
// to.
var ErrRefused = errors.New("webpush: refused")

// refusef makes an error that wraps ErrRefused.
func refusef(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
}

// maxEndpoint is the maximum length of an endpoint in bytes. Those of today's push services
// have up to about 700.
const maxEndpoint = 2048

// policy decides which endpoints are pushed to. It checks twice: the URL first, and then,
// as guard.Config.Control, the IP address that the name resolved to.
type policy struct {
	hosts    []string
	loopback bool // also allow loopback addresses at any port, for tests
}

// endpoint checks an endpoint URL and returns its origin. Errors wrap ErrRefused.
func (p policy) endpoint(endpoint string) (origin string, err error) {
	if len(endpoint) > maxEndpoint {
		return "", refusef("endpoint longer than %d bytes", maxEndpoint)
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", refusef("endpoint is not a URL")
	}
	return p.url(u)
}

func (p policy) url(u *url.URL) (origin string, err error) {
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "https":
		return "", refusef("endpoint is not https")
	case u.User != nil:
		return "", refusef("endpoint has a user name")
	case u.Fragment != "":
		return "", refusef("endpoint has a fragment")
	case p.loopback && guard.IsLoopback(host):
		return "https://" + strings.ToLower(u.Host), nil
	case u.Port() != "" && u.Port() != "443":
		return "", refusef("endpoint is not at port 443")
	case !p.allows(host):
		return "", refusef("%q is not an allowed push service", host)
	}
	return "https://" + host, nil
}

func (p policy) allows(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return false
	}
	for _, pattern := range p.hosts {
		if sub, any := strings.CutPrefix(pattern, "*"); any {
			if label, ok := strings.CutSuffix(host, sub); ok && label != "" {
				return true
			}
		} else if host == pattern {
			return true
		}
	}
	return false
}

// control implements guard.Config.Control.
func (p policy) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return refusef("%s to %q", network, address)
	}
	if p.loopback && to.Addr().Unmap().IsLoopback() {
		return nil
	}
	if !guard.Public(to.Addr()) {
		return refusef("%v is not a public address", to.Addr())
	}
	if to.Port() != 443 {
		return refusef("port %d", to.Port())
	}
	return nil
}

// client returns an HTTP client that obeys the policy.
func (p policy) client(c Config) *http.Client {
	return guard.Client(guard.Config{Timeout: c.Timeout, Control: p.control, RootCAs: c.RootCAs, Resolver: c.resolver})
}

// ValidateSubscription checks that this sender would push to the subscription: the
// endpoint is an https URL at an allowed push service, p256dh is an uncompressed point on
// P-256 (65 bytes), and auth has 16 bytes. Errors wrap ErrRefused and may be shown to the
// client. It makes no network request.
func (s *Sender) ValidateSubscription(endpoint string, p256dh, auth []byte) error {
	if _, err := s.policy.endpoint(endpoint); err != nil {
		return err
	}
	return validateKeys(p256dh, auth)
}

func validateKeys(p256dh, auth []byte) error {
	if len(p256dh) != 65 {
		return refusef("p256dh has %d bytes, want 65", len(p256dh))
	}
	if _, err := ecdh.P256().NewPublicKey(p256dh); err != nil {
		return refusef("p256dh is not a point on the curve")
	}
	if len(auth) != 16 {
		return refusef("auth has %d bytes, want 16", len(auth))
	}
	return nil
}
