package notifytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// verify checks an Authorization header (RFC 8292) as strictly as any push service does.
// It returns the application server's public key and the token's claims.
func verify(header, origin string, now time.Time) (key string, claims jwt.RegisteredClaims, err error) {
	rest, ok := strings.CutPrefix(header, "vapid ")
	if !ok {
		return "", claims, errors.New("notifytest: authorization is not vapid")
	}
	var token string
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "t":
			token = value
		case "k":
			key = value
		}
	}
	point, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return "", claims, fmt.Errorf("notifytest: vapid key: %w", err)
	}
	public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		return "", claims, fmt.Errorf("notifytest: vapid key: %w", err)
	}
	_, err = jwt.ParseWithClaims(token, &claims,
		func(*jwt.Token) (any, error) { return public, nil },
		jwt.WithValidMethods([]string{"ES256"}), jwt.WithAudience(origin),
		jwt.WithExpirationRequired(), jwt.WithTimeFunc(func() time.Time { return now }))
	switch {
	case err != nil:
		return "", claims, fmt.Errorf("notifytest: vapid token: %w", err)
	case claims.ExpiresAt.Sub(now) > 24*time.Hour:
		return "", claims, errors.New("notifytest: vapid token lives longer than a day")
	case strings.Count(claims.Subject, "mailto:") > 1,
		!strings.HasPrefix(claims.Subject, "mailto:") && !strings.HasPrefix(claims.Subject, "https://"):
		return "", claims, fmt.Errorf("notifytest: vapid subject %q", claims.Subject)
	}
	return key, claims, nil
}
