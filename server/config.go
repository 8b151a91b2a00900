package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"time"

	"weft/notify/guard"
	"weft/notify/webpush"
	"weft/presence/redis"
	"weft/server/auth/jwks"
	"weft/server/store"
	"weft/server/ws"
)

// Config configures a Server. Only Data is required; the other zero values make a server
// in open mode on a loopback address.
type Config struct {
	// Addr is the TCP address to listen on, host:port; empty: 127.0.0.1:8080.
	Addr string
	// Data is the data folder. New creates it if it does not exist.
	Data string
	// JWTSecret signs and verifies tokens with HS256; 32 bytes or more. If JWTSecret,
	// JWKS and APIKey are all empty, the server is in open mode: anyone who can connect
	// may write, as a guest.
	JWTSecret string
	// JWKS is the source of an external issuer's public keys (RS256, ES256, EdDSA): an
	// https URL or a file. JWKSPrivate also allows http and private networks. Issuer is
	// the required iss claim of its tokens (empty: any), Audience their required aud
	// claim (empty: "weft").
	JWKS        string
	JWKSPrivate bool
	Issuer      string
	Audience    string
	// APIKey is the key with which backends have full rights on the HTTP API.
	APIKey string
	// Origins are the origins of other sites whose pages may connect, such as
	// https://app.example.org.
	Origins []string
	// PublicURL is the address at which people reach the server, such as
	// https://weft.example.org; links in notifications begin with it.
	PublicURL string
	// Open allows open mode, and lab limits, on an address that is not loopback.
	Open bool
	// Redis is the URL of the Redis through which nodes share presence:
	// redis://[user:password@]host:port/db. Empty: a single node.
	Redis string
	// Limits is "default" (or empty) or "lab". Lab switches limits on rates and
	// connections off, for load tests.
	Limits string
	// Limit sets limits by name, see LimitNames.
	Limit map[string]string
	// TrustedProxies are the addresses and networks of proxies whose X-Forwarded-For
	// header is trusted.
	TrustedProxies []string
	// Poller is "auto" (or empty) or "off". Auto reads and writes sockets with an epoll
	// of its own where that is supported; off leaves them to Go's net package.
	Poller string
	// Log receives events and errors; nil: discarded.
	Log *slog.Logger

	// For tests that run their own push service.
	push      webpush.Config
	pushDelay time.Duration
	// rooms wraps the store that the rooms use, for tests with a failing disk.
	rooms func(store.Store) store.Store
	drain time.Duration // 0: DrainTime
	// pages replaces the embedded pages, for a test in which the start fails late.
	pages fs.FS
	// See redis.Options; for tests that wait until a lease or a grace period ends.
	grace, lease time.Duration
}

// ErrOpen is returned for open mode on an address that is not loopback, without Open.
var ErrOpen = errors.New("server: open mode lets anyone who can connect write, and this address is not loopback")

// OpenMode reports whether the Config means open mode: no secret, no JWKS, no API key.
func (c Config) OpenMode() bool { return c.JWTSecret == "" && c.JWKS == "" && c.APIKey == "" }

// Check fills in defaults and returns an error for a Config that cannot work or is unsafe.
// New calls it. A program may call it before it listens.
func (c *Config) Check() error {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:8080"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Data == "" {
		return errors.New("server: data folder: empty")
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("server: address %q: want HOST:PORT: %w", c.Addr, err)
	}
	if !guard.IsLoopback(host) && !c.Open {
		if c.OpenMode() {
			return fmt.Errorf("%w (%s): set --jwt-secret or --jwks so that people need tokens, or set --open", ErrOpen, c.Addr)
		}
		if c.Limits == "lab" {
			return fmt.Errorf("server: lab limits on %s leave the server unprotected: set --open to allow this", c.Addr)
		}
	}
	if _, err := c.limits(); err != nil {
		return err
	}
	if _, err := c.proxies(); err != nil {
		return err
	}
	if c.JWKS != "" {
		if _, err := c.keys(); err != nil {
			return err
		}
	} else if c.Issuer != "" || c.Audience != "" {
		return errors.New("server: --jwks-issuer and --jwks-audience need --jwks")
	}
	switch ws.PollerMode(c.Poller) {
	case "", ws.PollerAuto, ws.PollerOff:
	default:
		return fmt.Errorf("server: poller %q: want auto or off", c.Poller)
	}
	if c.Redis != "" {
		if err := redis.CheckURL(c.Redis); err != nil {
			return err
		}
	}
	if c.PublicURL != "" {
		u, err := url.Parse(c.PublicURL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("server: public URL %q: want a URL like https://weft.example.org", c.PublicURL)
		}
		c.PublicURL = u.Scheme + "://" + u.Host
	}
	return nil
}

// keys makes the key set from JWKS.
func (c Config) keys() (*jwks.Set, error) {
	return jwks.New(jwks.Config{Source: c.JWKS, Private: c.JWKSPrivate, Log: c.Log})
}

// localURL returns the server's URL on this machine.
func (c Config) localURL() string {
	host, port, _ := net.SplitHostPort(c.Addr)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}
