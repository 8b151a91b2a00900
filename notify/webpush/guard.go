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

// DefaultHosts are the push services of the browsers. "*." stands for any
// subdomain, and not for the domain itself.
var DefaultHosts = []string{
	"fcm.googleapis.com",                // Chrome, Edge on some systems, Opera, …
	"updates.push.services.mozilla.com", // Firefox
	"*.push.services.mozilla.com",
	"web.push.apple.com", // Safari
	"*.push.apple.com",
	"*.notify.windows.com", // Edge
}

// ErrRefused says that an endpoint or key is not one to push to.
var ErrRefused = errors.New("webpush: refused")

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrRefused}, args...)...)
}

// maxEndpoint is the length of an endpoint; the longest seen are about 700 bytes.
const maxEndpoint = 2048

// policy says where connections may go. It is asked twice: with the name, before
// anything, and with the address, after the name was resolved and before the
// connection is made, so that a name cannot change its mind in between.
type policy struct {
	hosts    []string
	loopback bool // this machine instead of the Internet, for tests
}

// endpoint checks the URL and returns its origin.
func (p policy) endpoint(endpoint string) (origin string, err error) {
	if len(endpoint) > maxEndpoint {
		return "", refuse("endpoint longer than %d bytes", maxEndpoint)
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", refuse("endpoint is not a URL")
	}
	return p.url(u)
}

func (p policy) url(u *url.URL) (origin string, err error) {
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "https":
		return "", refuse("endpoint is not https")
	case u.User != nil:
		return "", refuse("endpoint has a user name")
	case u.Fragment != "":
		return "", refuse("endpoint has a fragment")
	case p.loopback && isLoopback(host):
		return "https://" + strings.ToLower(u.Host), nil
	case u.Port() != "" && u.Port() != "443":
		return "", refuse("endpoint is not at port 443")
	case !p.allows(host):
		return "", refuse("%q is no push service that is allowed", host)
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

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// control is the dialer's last word, with the address it is about to connect to.
func (p policy) control(_ context.Context, network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !strings.HasPrefix(network, "tcp") {
		return refuse("%s to %q", network, address)
	}
	if p.loopback && to.Addr().Unmap().IsLoopback() {
		return nil
	}
	if !guard.Public(to.Addr()) {
		return refuse("%v is not a public address", to.Addr())
	}
	if to.Port() != 443 {
		return refuse("port %d", to.Port())
	}
	return nil
}

// client makes the HTTP client that obeys the policy.
func (p policy) client(c Config) *http.Client {
	return guard.Client(guard.Config{Timeout: c.Timeout, Control: p.control, RootCAs: c.RootCAs, Resolver: c.resolver})
}

// ValidateSubscription tells whether this sender would push to the subscription:
// an https endpoint at an allowed push service, a 65-byte point on P-256, and 16
// bytes of secret. Errors wrap ErrRefused and may be shown to the client. It looks
// nothing up.
func (s *Sender) ValidateSubscription(endpoint string, p256dh, auth []byte) error {
	if _, err := s.policy.endpoint(endpoint); err != nil {
		return err
	}
	return validateKeys(p256dh, auth)
}

func validateKeys(p256dh, auth []byte) error {
	if len(p256dh) != 65 {
		return refuse("p256dh has %d bytes, want 65", len(p256dh))
	}
	if _, err := ecdh.P256().NewPublicKey(p256dh); err != nil {
		return refuse("p256dh is not a point on the curve")
	}
	if len(auth) != 16 {
		return refuse("auth has %d bytes, want 16", len(auth))
	}
	return nil
}
