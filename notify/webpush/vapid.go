package webpush

import (
	"fmt"
	"net/mail"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	tokenTTL    = 12 * time.Hour // RFC 8292 allows 24 h; the margin is for wrong clocks
	tokenMaxAge = time.Hour      // Apple asks for at most one new token an hour
	maxOrigins  = 256            // cached tokens; more than all known push services have
)

// checkSubject refuses subjects that push services refuse (Apple is the strictest): it must
// be a contact of the server's operator.
func checkSubject(subject string) error {
	if address, ok := strings.CutPrefix(subject, "mailto:"); ok {
		a, err := mail.ParseAddress(address)
		if err != nil || a.Address != address {
			return fmt.Errorf("webpush: subject %q: want mailto: with one address and no name", subject)
		}
		return checkSubjectHost(subject, address[strings.LastIndexByte(address, '@')+1:])
	}
	u, err := url.Parse(subject)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("webpush: subject %q: want an https: or mailto: URL", subject)
	}
	return checkSubjectHost(subject, u.Hostname())
}

// checkSubjectHost refuses local host names.
func checkSubjectHost(subject, host string) error {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") {
		return fmt.Errorf("webpush: subject %q is a local name, which Apple refuses", subject)
	}
	return nil
}

// tokens signs and caches the Authorization headers, one for each origin. Safe for
// concurrent use.
type tokens struct {
	keys    Keys
	subject string

	mu    sync.Mutex
	cache map[string]token // by origin, at most maxOrigins
}

type token struct {
	header   string
	signedAt time.Time
}

// header returns the Authorization header for the origin.
func (t *tokens) header(origin string, now time.Time) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k, ok := t.cache[origin]; ok && now.Sub(k.signedAt).Abs() < tokenMaxAge {
		return k.header, nil
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": origin,
		"exp": now.Add(tokenTTL).Unix(),
		"sub": t.subject,
	}).SignedString(t.keys.private)
	if err != nil {
		return "", fmt.Errorf("webpush: sign: %w", err)
	}
	if t.cache == nil || len(t.cache) >= maxOrigins {
		t.cache = map[string]token{}
	}
	k := token{"vapid t=" + signed + ", k=" + t.keys.Public(), now}
	t.cache[origin] = k
	return k.header, nil
}
