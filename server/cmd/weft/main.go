// Command weft serves collaborative documents, presence, chat and
// notifications from one binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"weft/server"
	"weft/server/auth"
)

// cli is the command line. Every flag of serve has an environment twin: --public-url is
// WEFT_PUBLIC_URL.
type cli struct {
	Serve serveCmd `cmd:"" default:"withargs" help:"Serve. Without flags: open mode, loopback only, data in ./weft-data."`
	Token tokenCmd `cmd:"" help:"Sign a token for a person."`

	Limits  limitsCmd  `cmd:"" help:"List the limits and their defaults."`
	Backup  backupCmd  `cmd:"" help:"Write a consistent copy of the store to a file; the server may be running."`
	Restore restoreCmd `cmd:"" help:"Restore a backup into a data folder that has no store."`
	Export  exportCmd  `cmd:"" help:"Write one room, document and chat, to a file; the server may be running."`
	Import  importCmd  `cmd:"" help:"Merge an exported room into the store; the server must not be running."`
}

// jwtSecret are the flags for the secret that signs and checks tokens.
type jwtSecret struct {
	JWTSecret     string `name:"jwt-secret" env:"WEFT_JWT_SECRET" help:"Secret of HS256 tokens, 32 bytes or more." placeholder:"S"`
	JWTSecretFile string `name:"jwt-secret-file" env:"WEFT_JWT_SECRET_FILE" help:"File with the secret." placeholder:"FILE"`
}

func (s jwtSecret) read() (string, error) { return valueOrFile(s.JWTSecret, s.JWTSecretFile) }

// valueOrFile returns the value or, if a file is named, the content of the file without
// its last newline. It refuses both at once.
func valueOrFile(value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("give the value or the file %s, not both", file)
	}
	b, err := os.ReadFile(file)
	return strings.TrimRight(string(b), "\r\n"), err
}

type serveCmd struct {
	jwtSecret
	Addr string `env:"WEFT_ADDR" default:"127.0.0.1:8080" help:"Address to listen on; port 0 picks one." placeholder:"HOST:PORT"`
	Data string `env:"WEFT_DATA" default:"./weft-data" help:"Data folder." placeholder:"DIR"`

	JWKS         string `name:"jwks" env:"WEFT_JWKS" help:"Keys of a token issuer (RS256, ES256, EdDSA): an https URL of a JWKS, or a file." placeholder:"URL"`
	JWKSIssuer   string `name:"jwks-issuer" env:"WEFT_JWKS_ISSUER" help:"Required iss claim of its tokens; empty: any." placeholder:"ISS"`
	JWKSAudience string `name:"jwks-audience" env:"WEFT_JWKS_AUDIENCE" help:"Required aud claim of its tokens; empty: weft." placeholder:"AUD"`
	JWKSPrivate  bool   `name:"jwks-private" env:"WEFT_JWKS_PRIVATE" help:"Allow a JWKS URL with http or in a private network."`

	APIKey     string   `name:"api-key" env:"WEFT_API_KEY" help:"Key with full rights on the HTTP API, for backends." placeholder:"K"`
	APIKeyFile string   `name:"api-key-file" env:"WEFT_API_KEY_FILE" help:"File with the API key." placeholder:"FILE"`
	Redis      string   `env:"WEFT_REDIS" help:"Redis through which nodes share presence." placeholder:"redis://HOST:PORT"`
	RedisFile  string   `name:"redis-file" env:"WEFT_REDIS_FILE" help:"File with the Redis URL." placeholder:"FILE"`
	Origins    []string `env:"WEFT_ORIGINS" help:"Origins of other sites whose pages may connect." placeholder:"URL,…"`
	PublicURL  string   `name:"public-url" env:"WEFT_PUBLIC_URL" help:"Address at which people reach the server, for links in notifications." placeholder:"URL"`
	Open       bool     `env:"WEFT_OPEN" help:"Allow open mode on an address that is not loopback."`
	Log        string   `env:"WEFT_LOG" enum:"text,json" default:"text" help:"Format of the log on standard error: text or json."`
	Limits     string   `env:"WEFT_LIMITS" enum:"default,lab" default:"default" help:"lab switches rate and connection limits off, for load tests on one machine."`
	GC         string   `name:"gc" env:"WEFT_GC" enum:"auto,go" default:"auto" help:"Garbage collection: auto fits a small bursty server, go is Go's own (GOGC does the same)."`

	Limit          map[string]string `env:"WEFT_LIMIT" mapsep:"," help:"Limits by name, comma-separated; weft limits lists them." placeholder:"NAME=VALUE,…"`
	Poller         string            `env:"WEFT_POLLER" enum:"auto,off" default:"auto" help:"How connections are read and written. auto: by epoll where that is supported, which costs less CPU; off: by Go's net package."`
	TrustedProxies []string          `name:"trusted-proxies" env:"WEFT_TRUSTED_PROXIES" help:"Proxies whose X-Forwarded-For header is trusted." placeholder:"CIDR,…"`
}

// Run serves until SIGINT or SIGTERM, and drains then. A second signal ends the process
// at once.
func (c *serveCmd) Run() error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if c.Log == "json" {
		log = slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	tokenSecret, err := c.read()
	if err != nil {
		return err
	}
	apiKey, err := valueOrFile(c.APIKey, c.APIKeyFile)
	if err != nil {
		return err
	}
	redisURL, err := valueOrFile(c.Redis, c.RedisFile)
	if err != nil {
		return err
	}
	limitMemoryToContainer()
	ignoreFileSizeSignal()
	config := server.Config{
		Addr: c.Addr, Data: c.Data, JWTSecret: tokenSecret,
		JWKS: c.JWKS, JWKSPrivate: c.JWKSPrivate, Issuer: c.JWKSIssuer, Audience: c.JWKSAudience, APIKey: apiKey, Redis: redisURL, Origins: c.Origins,
		PublicURL: c.PublicURL, Open: c.Open, Limits: c.Limits, Log: log,
		Limit: c.Limit, TrustedProxies: c.TrustedProxies, Poller: c.Poller,
	}
	if err := config.Check(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Addr)
	if err != nil {
		return err
	}
	config.Addr = listener.Addr().String()
	srv, err := server.New(config)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	if c.Limits == "lab" {
		log.Warn("lab limits: rates and connections are not limited; do not expose this server")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal has its default effect
	defer startGCTuner(ctx, c.GC)()

	fmt.Printf("weft: listening on http://%s\n", listener.Addr())
	mode := "tokens"
	if config.OpenMode() {
		mode = "open (anyone who can connect may write, as a guest)"
	}
	fmt.Printf("weft: mode %s, data in %s\n", mode, c.Data)
	return srv.Serve(ctx, listener)
}

type tokenCmd struct {
	jwtSecret
	User string        `required:"" help:"Stable id of the person (claim sub)."`
	Name string        `help:"Display name."`
	Room []string      `help:"Room or pattern (docs/42, class/*, docs/**); repeatable." default:"**"`
	Role string        `enum:"read,comment,write,admin" default:"write" help:"read, comment, write or admin."`
	TTL  time.Duration `name:"ttl" default:"15m" help:"Time until the token expires."`
}

// Run prints a signed token.
func (c *tokenCmd) Run() error {
	key, err := c.read()
	if err != nil {
		return err
	}
	verifier, err := auth.NewVerifier(auth.Config{Secret: []byte(key)})
	if err != nil {
		return err
	}
	role, err := auth.ParseRole(c.Role)
	if err != nil {
		return err
	}
	id := auth.Identity{User: c.User, Name: c.Name}
	for _, pattern := range c.Room {
		id.Grants = append(id.Grants, auth.Grant{Pattern: pattern, Role: role})
	}
	token, err := verifier.Sign(id, c.TTL)
	if err != nil {
		return err
	}
	if _, err := verifier.Identify(token); err != nil {
		return fmt.Errorf("the token would not be accepted: %w", err)
	}
	fmt.Println(token)
	return nil
}

func main() {
	ctx := kong.Parse(&cli{},
		kong.Name("weft"),
		kong.Description("Collaborative editing, presence, chat and notifications in one binary."),
		kong.UsageOnError(),
	)
	ctx.FatalIfErrorf(ctx.Run())
}
