package auth

import (
	"cmp"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/golang-jwt/jwt/v5"
)

// The reasons why a token is refused.
var (
	// ErrNoToken, ErrToken and ErrExpired are answered with 401, or closed with 4401.
	ErrNoToken = errors.New("auth: a token is required")
	ErrToken   = errors.New("auth: invalid token")
	ErrExpired = errors.New("auth: token expired")
	// ErrKeys is a fault of the issuer or the network, not of the token. It is answered
	// with 503, or closed with 1013.
	ErrKeys = errors.New("auth: the token cannot be verified now, because the keys of its issuer cannot be fetched; retry later")
)

// MaxToken is the maximum length of a token, in bytes. Longer ones are not parsed.
const MaxToken = 8 << 10

// Leeway is how long after its expiry a token is still accepted for requests and new
// connections, because clocks differ. An open connection may only read from the expiry on,
// and is closed when Leeway is over.
const Leeway = 30 * time.Second

const (
	audience = "weft" // default of the aud claim
	guestTTL = 365 * 24 * time.Hour
)

// Keys finds the public keys of an external issuer of tokens. Safe for concurrent use.
type Keys interface {
	// Find returns the public key with the key id (empty: the token has none) for the
	// algorithm: RS256, ES256 or EdDSA. The key's type fits the algorithm. Find may block
	// for some seconds while keys are fetched. Errors wrap ErrKeys if a later call may
	// succeed, else ErrToken.
	Find(kid, alg string) (crypto.PublicKey, error)
}

// Config of a Verifier.
type Config struct {
	// Secret signs and verifies HS256 tokens; at least 32 bytes. It may be nil if Keys is
	// set: then HS256 tokens are refused.
	Secret []byte
	// Keys verify the tokens of an external issuer (RS256, ES256, EdDSA); nil: none.
	// Issuer is the required iss claim of those tokens (empty: any), Audience their
	// required aud claim (empty: "weft").
	Keys     Keys
	Issuer   string
	Audience string
	// Open is open mode: a request without a token becomes a guest, who may write in
	// every room.
	Open bool
	// APIKey, if set, is the key with which backends have full rights on the HTTP API.
	APIKey string
	// Access limits the rights that tokens grant; nil: no limits.
	Access *Access
	// OnLimit is called with the name of a limit each time a token exceeds it. It must
	// not block. nil: not called.
	OnLimit func(limit string)
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Verifier verifies tokens, and signs those of this server. Safe for concurrent use.
type Verifier struct {
	secret   []byte
	open     bool
	access   *Access
	apiKey   *[32]byte // SHA-256 of the key; nil: none
	onLimit  func(limit string)
	now      func() time.Time
	keys     Keys
	parser   *jwt.Parser    // verifies signatures
	own      *jwt.Validator // checks the claims of tokens signed with secret
	external *jwt.Validator // checks the claims of tokens signed by the issuer of keys
}

// NewVerifier makes a Verifier. It returns an error if the secret is too short or missing.
func NewVerifier(c Config) (*Verifier, error) {
	if len(c.Secret) < 32 && (c.Secret != nil || c.Keys == nil) {
		return nil, fmt.Errorf("auth: the JWT secret has %d bytes, want 32 or more (try: openssl rand -hex 32)", len(c.Secret))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.OnLimit == nil {
		c.OnLimit = func(string) {}
	}
	v := &Verifier{secret: c.Secret, keys: c.Keys, open: c.Open, access: c.Access, onLimit: c.OnLimit, now: c.Now}
	if c.APIKey != "" {
		sum := sha256.Sum256([]byte(c.APIKey))
		v.apiKey = &sum
	}
	var methods []string
	if c.Secret != nil {
		methods = append(methods, jwt.SigningMethodHS256.Alg())
	}
	if c.Keys != nil {
		methods = append(methods, jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg())
	}
	v.parser = jwt.NewParser(jwt.WithValidMethods(methods), jwt.WithoutClaimsValidation())
	claims := []jwt.ParserOption{jwt.WithExpirationRequired(), jwt.WithLeeway(Leeway), jwt.WithTimeFunc(c.Now)}
	v.own = jwt.NewValidator(append(slices.Clip(claims), jwt.WithAudience(audience))...)
	claims = append(slices.Clip(claims), jwt.WithAudience(cmp.Or(c.Audience, audience)))
	if c.Issuer != "" {
		claims = append(claims, jwt.WithIssuer(c.Issuer))
	}
	v.external = jwt.NewValidator(claims...)
	return v, nil
}

// claims are the claims of a token that this server reads; see SECURITY.md.
type claims struct {
	jwt.RegisteredClaims
	Name   string  `json:"name,omitempty"`
	Avatar string  `json:"avatar,omitempty"`
	Rooms  []Grant `json:"rooms,omitempty"`
	Guest  bool    `json:"guest,omitempty"`
}

// Open reports whether the server is in open mode.
func (v *Verifier) Open() bool { return v.open }

// Identify verifies a token and returns the identity of its bearer. For an empty token it
// returns a new guest in open mode, else ErrNoToken. Other errors wrap ErrToken,
// ErrExpired or ErrKeys. With an external issuer it may block while keys are fetched.
func (v *Verifier) Identify(token string) (Identity, error) {
	if token == "" {
		if !v.open {
			return Identity{}, ErrNoToken
		}
		return newGuest(""), nil
	}
	if len(token) > MaxToken {
		v.onLimit("token")
		return Identity{}, fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrToken, len(token), MaxToken)
	}
	var c claims
	parsed, err := v.parser.ParseWithClaims(token, &c, v.key)
	if err == nil {
		check := v.external
		if parsed.Method == jwt.SigningMethodHS256 {
			check = v.own
		}
		err = check.Validate(c)
	}
	switch {
	case errors.Is(err, ErrKeys):
		return Identity{}, ErrKeys
	case errors.Is(err, jwt.ErrTokenExpired):
		return Identity{}, ErrExpired
	case err != nil:
		return Identity{}, fmt.Errorf("%w: %s", ErrToken, reason(err))
	}
	if !ValidUser(c.Subject) {
		return Identity{}, fmt.Errorf("%w: sub must be 1 to 128 bytes without spaces or control characters", ErrToken)
	}
	id := Identity{User: c.Subject, Name: CleanName(c.Name), Avatar: CleanAvatar(c.Avatar), Guest: c.Guest, Grants: c.Rooms, Expires: c.ExpiresAt.Time, access: v.access}
	if id.Name == "" {
		id.Name = cmp.Or(CleanName(c.Subject), c.Subject)
	}
	if v.open && id.Guest {
		id.Grants = openGrants
	}
	return id, nil
}

// key returns the key that verifies a token's signature. The token's algorithm selects
// secret or public keys before any key is looked up, so a public key is never used as an
// HMAC secret (RFC 8725 §2.1, algorithm confusion).
func (v *Verifier) key(t *jwt.Token) (any, error) {
	if _, critical := t.Header["crit"]; critical {
		return nil, fmt.Errorf("%w: it requires extensions (crit)", ErrToken) // RFC 7515 §4.1.11
	}
	if t.Method == jwt.SigningMethodHS256 {
		return v.secret, nil
	}
	kid, _ := t.Header["kid"].(string)
	return v.keys.Find(kid, t.Method.Alg())
}

// IsAPIKey reports whether s is the API key, in constant time.
func (v *Verifier) IsAPIKey(s string) bool {
	if v.apiKey == nil {
		return false
	}
	sum := sha256.Sum256([]byte(s))
	return subtle.ConstantTimeCompare(sum[:], v.apiKey[:]) == 1
}

// Sign returns a token for the identity that expires after ttl. It returns an error if the
// Verifier has no Secret.
func (v *Verifier) Sign(id Identity, ttl time.Duration) (string, error) {
	if v.secret == nil {
		return "", errors.New("auth: sign: no secret is configured")
	}
	now := v.now()
	c := claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   id.User,
			Audience:  jwt.ClaimStrings{audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(ttl)),
		},
		Name: id.Name, Avatar: id.Avatar, Rooms: id.Grants, Guest: id.Guest,
	}
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString(v.secret)
	if err != nil {
		return "", fmt.Errorf("auth: sign: %w", err)
	}
	return token, nil
}

// Guest returns a guest with the name, and a token with which the guest returns later. If
// previous is the token of a guest, the person stays the same and gets the new name. It
// returns ErrNoToken outside open mode, and ErrToken if previous is not a guest's.
func (v *Verifier) Guest(name, previous string) (Identity, string, error) {
	if !v.open {
		return Identity{}, "", ErrNoToken
	}
	id := newGuest(CleanName(name))
	if previous != "" {
		known, err := v.Identify(previous)
		if err != nil {
			return Identity{}, "", err
		}
		if !known.Guest {
			return Identity{}, "", ErrToken
		}
		if id.User = known.User; CleanName(name) == "" {
			id.Name = known.Name
		}
	}
	signed := id
	signed.Grants = nil // Identify adds them, so the token is worthless once open mode is switched off
	token, err := v.Sign(signed, guestTTL)
	return id, token, err
}

// openGrants are the rights of guests in open mode.
var openGrants = []Grant{{Pattern: "**", Role: Write}}

func newGuest(name string) Identity {
	user := "guest-" + strings.ToLower(rand.Text()[:16])
	if name == "" {
		name = "Guest " + user[len(user)-4:]
	}
	return Identity{User: user, Name: name, Guest: true, Grants: openGrants}
}

// ValidUser reports whether s can be a user id: 1 to 128 bytes of UTF-8 without spaces and
// control characters.
func ValidUser(s string) bool {
	return s != "" && len(s) <= 128 && strings.ToValidUTF8(s, "") == s && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) })
}

// reason describes what is wrong with a token without quoting any part of it.
func reason(err error) string {
	for _, known := range []struct {
		err  error
		text string
	}{
		{jwt.ErrTokenMalformed, "malformed"},
		{jwt.ErrTokenSignatureInvalid, "signature or algorithm not accepted"},
		{jwt.ErrTokenUnverifiable, "its key is unknown"},
		{jwt.ErrTokenRequiredClaimMissing, "exp or aud is missing"},
		{jwt.ErrTokenInvalidAudience, "wrong aud"},
		{jwt.ErrTokenInvalidIssuer, "wrong iss"},
		{jwt.ErrTokenNotValidYet, "not valid yet"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return "unreadable"
}
