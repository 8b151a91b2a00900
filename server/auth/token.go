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

// Errors that a door turns into 401 or 4401.
var (
	ErrNoToken = errors.New("auth: a token is needed")
	ErrToken   = errors.New("auth: the token is not valid")
	ErrExpired = errors.New("auth: the token has run out")
	// ErrKeys is not the token's fault: 503 or 1013.
	ErrKeys = errors.New("auth: the token cannot be checked at the moment, as its issuer's keys cannot be fetched: come back later")
)

// MaxToken is the longest token looked at, in bytes.
const MaxToken = 8 << 10

// Leeway is how long past its end a token is still taken, as clocks differ.
const Leeway = 30 * time.Second

const (
	audience = "weft"
	guestTTL = 365 * 24 * time.Hour
)

// Keys finds the public keys of an issuer whose tokens are taken besides our own.
// It may be called concurrently, and take some seconds.
type Keys interface {
	// Find returns the key for a token that names this key id (empty: none) and
	// algorithm: RS256, ES256 or EdDSA. The key's type is that of the algorithm. Errors
	// wrap ErrKeys if it may be another answer later, or else ErrToken.
	Find(kid, alg string) (crypto.PublicKey, error)
}

// Config of a Verifier.
type Config struct {
	// Secret checks and signs HS256 tokens; at least 32 bytes. With Keys it may be
	// nil: then there are no such tokens.
	Secret []byte
	// Keys check the tokens of an issuer that signs with RS256, ES256 or EdDSA; nil
	// for none. Issuer is what their iss must be, empty for anything; Audience what
	// their aud must name, empty for "weft".
	Keys     Keys
	Issuer   string
	Audience string
	// Open lets people in without a token, as guests who may write anywhere.
	Open bool
	// APIKey, if set, gives backends full rights over HTTP.
	APIKey string
	// Access may lower what tokens say; nil lowers nothing.
	Access *Access
	// Hit is called with the name of a limit each time that it is hit. It must not
	// block. nil: nobody counts.
	Hit func(limit string)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Verifier turns tokens into identities. Safe for concurrent use.
type Verifier struct {
	secret []byte
	open   bool
	access *Access
	apiKey *[32]byte // SHA-256
	hit    func(limit string)
	now    func() time.Time
	parser *jwt.Parser // checks the signature, own and issued the claims
	keys   Keys
	own    *jwt.Validator
	issued *jwt.Validator
}

// NewVerifier checks the configuration.
func NewVerifier(c Config) (*Verifier, error) {
	if len(c.Secret) < 32 && (c.Secret != nil || c.Keys == nil) {
		return nil, fmt.Errorf("auth: the JWT secret has %d bytes, it needs 32 or more (try: openssl rand -hex 32)", len(c.Secret))
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Hit == nil {
		c.Hit = func(string) {}
	}
	v := &Verifier{secret: c.Secret, keys: c.Keys, open: c.Open, access: c.Access, hit: c.Hit, now: c.Now}
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
	v.issued = jwt.NewValidator(claims...)
	return v, nil
}

// claims of a token; see the contract.
type claims struct {
	jwt.RegisteredClaims
	Name   string  `json:"name,omitempty"`
	Avatar string  `json:"avatar,omitempty"`
	Rooms  []Grant `json:"rooms,omitempty"`
	Guest  bool    `json:"guest,omitempty"`
}

// Open tells whether people come in without a token.
func (v *Verifier) Open() bool { return v.open }

// Identify checks a token. Without one it returns a new guest in open mode,
// else ErrNoToken.
func (v *Verifier) Identify(token string) (Identity, error) {
	if token == "" {
		if !v.open {
			return Identity{}, ErrNoToken
		}
		return newGuest(""), nil
	}
	if len(token) > MaxToken {
		v.hit("token")
		return Identity{}, fmt.Errorf("%w: it has %d bytes, the limit is %d", ErrToken, len(token), MaxToken)
	}
	var c claims
	parsed, err := v.parser.ParseWithClaims(token, &c, v.key)
	if err == nil {
		check := v.issued
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

// key returns what checks a token's signature. The algorithm, which is the token's
// choice, decides between secret and public keys before a key is looked at, so that
// a public key never serves as a secret.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	if _, critical := t.Header["crit"]; critical {
		return nil, fmt.Errorf("%w: it demands extensions", ErrToken) // RFC 7515 §4.1.11
	}
	if t.Method == jwt.SigningMethodHS256 {
		return v.secret, nil
	}
	kid, _ := t.Header["kid"].(string)
	return v.keys.Find(kid, t.Method.Alg())
}

// IsAPIKey tells, in constant time, whether s is the API key.
func (v *Verifier) IsAPIKey(s string) bool {
	if v.apiKey == nil {
		return false
	}
	sum := sha256.Sum256([]byte(s))
	return subtle.ConstantTimeCompare(sum[:], v.apiKey[:]) == 1
}

// Sign makes a token for the identity that runs out after ttl. It takes a Secret.
func (v *Verifier) Sign(id Identity, ttl time.Duration) (string, error) {
	if v.secret == nil {
		return "", errors.New("auth: sign: there is no secret to sign with")
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

// Guest makes a guest with a token to come back with. Only in open mode. The
// guest that held the token before, if there is one, stays the same person
// under the new name.
func (v *Verifier) Guest(name, before string) (Identity, string, error) {
	if !v.open {
		return Identity{}, "", ErrNoToken
	}
	id := newGuest(CleanName(name))
	if before != "" {
		known, err := v.Identify(before)
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
	signed.Grants = nil // given on arrival, so that leaving open mode takes them away
	token, err := v.Sign(signed, guestTTL)
	return id, token, err
}

var openGrants = []Grant{{Pattern: "**", Role: Write}}

func newGuest(name string) Identity {
	user := "guest-" + strings.ToLower(rand.Text()[:16])
	if name == "" {
		name = "Guest " + user[len(user)-4:]
	}
	return Identity{User: user, Name: name, Guest: true, Grants: openGrants}
}

// ValidUser tells whether s can be a user id.
func ValidUser(s string) bool {
	return s != "" && len(s) <= 128 && strings.ToValidUTF8(s, "") == s && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) })
}

// reason says what is wrong with a token without repeating any of it.
func reason(err error) string {
	for _, known := range []struct {
		err  error
		text string
	}{
		{jwt.ErrTokenMalformed, "it is malformed"},
		{jwt.ErrTokenSignatureInvalid, "its signature or algorithm is not accepted"},
		{jwt.ErrTokenUnverifiable, "its key is not known"},
		{jwt.ErrTokenRequiredClaimMissing, "it lacks exp or aud"},
		{jwt.ErrTokenInvalidAudience, "its aud is not the one demanded here"},
		{jwt.ErrTokenInvalidIssuer, "its iss is not the one demanded here"},
		{jwt.ErrTokenNotValidYet, "it is not valid yet"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return "it cannot be read"
}
