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

	"weft/notify/webpush"
	"weft/presence/redis"
	"weft/server/auth/jwks"
	"weft/server/store"
	"weft/server/ws"
)

// Config of a Server. The zero value with a Data folder is a server in open
// mode for this machine.
type Config struct {
	// Addr that the server listens on; empty means 127.0.0.1:8080.
	Addr string
	// Data is the folder that everything is kept in; it is made if need be.
	Data string
	// JWTSecret checks tokens (HS256), 32 bytes or more. Without it, JWKS and
	// APIKey the server is in open mode: who can connect may write, as a guest.
	JWTSecret string
	// JWKS is where the keys of an issuer of tokens are, RS256, ES256 or EdDSA: an
	// https URL or a file. JWKSPrivate allows http and private networks. Issuer is
	// what their iss must be, empty for anything; Audience what their aud must
	// name, empty for "weft".
	JWKS        string
	JWKSPrivate bool
	Issuer      string
	Audience    string
	// APIKey gives backends full rights over HTTP.
	APIKey string
	// Origins of pages, besides our own, that may connect.
	Origins []string
	// PublicURL is where people reach the server, for links in notifications.
	PublicURL string
	// Open allows open mode, or lab limits, on an address that others reach.
	Open bool
	// Redis is where nodes share who is here, redis://[user:password@]host:port/db;
	// empty is a single node.
	Redis string
	// Limits is "default" (or empty), or "lab", which lifts what counts rates
	// and connections.
	Limits string
	// Limit sets single limits by their names, see LimitNames.
	Limit map[string]string
	// TrustedProxies are addresses and networks of proxies whose
	// X-Forwarded-For tells where a connection comes from.
	TrustedProxies []string
	// Poller says how connections are read and written: "auto" (or empty) polls them
	// with epoll where that is supported, "off" leaves them to Go's net package.
	Poller string
	// Log gets what happens; nil discards it.
	Log *slog.Logger

	// For tests with a push service of their own.
	push      webpush.Config
	pushDelay time.Duration
	// rooms stands between the rooms and their store, for tests with a disk
	// that fails.
	rooms func(store.Store) store.Store
	drain time.Duration // 0: DrainTime
	// pages instead of the built-in ones, for a start that fails at its end.
	pages fs.FS
	// As redis.Options has them, for tests that wait for their ends.
	grace, lease time.Duration
}

// ErrOpen says that the server would be open to others without being told to.
var ErrOpen = errors.New("server: open mode lets anyone who can connect write, and this address is not only this machine's")

// OpenMode tells whether people come in without tokens.
func (c Config) OpenMode() bool { return c.JWTSecret == "" && c.JWKS == "" && c.APIKey == "" }

// Check fills in defaults and refuses what cannot be meant. New calls it; call
// it to know before an address is taken.
func (c *Config) Check() error {
	if c.Addr == "" {
		c.Addr = "127.0.0.1:8080"
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Data == "" {
		return errors.New("server: no data folder is set")
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return fmt.Errorf("server: address %q: it is HOST:PORT: %w", c.Addr, err)
	}
	if !loopback(host) && !c.Open {
		if c.OpenMode() {
			return fmt.Errorf("%w (%s): give --jwt-secret or --jwks so that people need tokens, or --open if this is meant", ErrOpen, c.Addr)
		}
		if c.Limits == "lab" {
			return fmt.Errorf("server: lab limits on %s would leave it unprotected: give --open if this is meant", c.Addr)
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
		return errors.New("server: an issuer or audience is demanded of the tokens of --jwks, and that is not given")
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
			return fmt.Errorf("server: public URL %q: it is like https://weft.example.org", c.PublicURL)
		}
		c.PublicURL = u.Scheme + "://" + u.Host
	}
	return nil
}

// keys makes the key set of JWKS.
func (c Config) keys() (*jwks.Set, error) {
	return jwks.New(jwks.Config{Source: c.JWKS, Private: c.JWKSPrivate, Log: c.Log})
}

// localURL is where this machine finds the server.
func (c Config) localURL() string {
	host, port, _ := net.SplitHostPort(c.Addr)
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// loopback tells whether only this machine reaches host.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
