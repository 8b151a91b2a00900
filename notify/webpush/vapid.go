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
	tokenLife  = 12 * time.Hour // RFC 8292 allows 24; the rest is for crooked clocks
	tokenKept  = time.Hour      // Apple asks not to make new ones more often
	maxOrigins = 256
)

// checkSubject refuses what push services refuse, Apple above all: the subject
// must be a way to reach whoever runs this server.
func checkSubject(subject string) error {
	if address, ok := strings.CutPrefix(subject, "mailto:"); ok {
		a, err := mail.ParseAddress(address)
		if err != nil || a.Address != address {
			return fmt.Errorf("webpush: subject %q is not a mailto: with one plain address", subject)
		}
		return checkSubjectHost(subject, address[strings.LastIndexByte(address, '@')+1:])
	}
	u, err := url.Parse(subject)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		return fmt.Errorf("webpush: subject %q is no https: or mailto: URL", subject)
	}
	return checkSubjectHost(subject, u.Hostname())
}

func checkSubjectHost(subject, host string) error {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".local") {
		return fmt.Errorf("webpush: subject %q is known on this machine only; Apple refuses it", subject)
	}
	return nil
}

// tokens makes and keeps the Authorization headers, one per origin.
type tokens struct {
	keys    Keys
	subject string

	mu   sync.Mutex
	kept map[string]token // by origin; at most maxOrigins
}

type token struct {
	header string
	made   time.Time
}

func (t *tokens) header(origin string, now time.Time) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if k, ok := t.kept[origin]; ok && now.Sub(k.made).Abs() < tokenKept {
		return k.header, nil
	}
	signed, err := jwt.NewWithClaims(jwt.SigningMethodES256, jwt.MapClaims{
		"aud": origin,
		"exp": now.Add(tokenLife).Unix(),
		"sub": t.subject,
	}).SignedString(t.keys.private)
	if err != nil {
		return "", fmt.Errorf("webpush: sign: %w", err)
	}
	if t.kept == nil || len(t.kept) >= maxOrigins {
		t.kept = map[string]token{}
	}
	k := token{"vapid t=" + signed + ", k=" + t.keys.Public(), now}
	t.kept[origin] = k
	return k.header, nil
}
