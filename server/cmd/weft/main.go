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

// cli is the command line. Every flag has an environment twin, WEFT_…
type cli struct {
	Serve serveCmd `cmd:"" default:"withargs" help:"Serve. Without flags: open mode, this machine only, data in ./weft-data."`
	Token tokenCmd `cmd:"" help:"Make a token for a person."`

	Limits  limitsCmd  `cmd:"" help:"List the limits and their defaults."`
	Backup  backupCmd  `cmd:"" help:"Copy everything to a file, as of one moment, also while the server runs."`
	Restore restoreCmd `cmd:"" help:"Put a backup into a data folder without a store."`
	Export  exportCmd  `cmd:"" help:"Write one room to a file, also while the server runs."`
	Import  importCmd  `cmd:"" help:"Merge an exported room into the store. The server must not run."`
}

type secret struct {
	JWTSecret     string `name:"jwt-secret" env:"WEFT_JWT_SECRET" help:"Secret that checks HS256 tokens, 32 bytes or more." placeholder:"S"`
	JWTSecretFile string `name:"jwt-secret-file" env:"WEFT_JWT_SECRET_FILE" help:"File that holds it." placeholder:"FILE"`
}

func (s secret) read() (string, error) { return fromFile(s.JWTSecret, s.JWTSecretFile) }

// fromFile returns the value, or what the file holds without its last newline.
func fromFile(value, file string) (string, error) {
	if file == "" {
		return value, nil
	}
	if value != "" {
		return "", fmt.Errorf("give the secret or its file %s, not both", file)
	}
	b, err := os.ReadFile(file)
	return strings.TrimRight(string(b), "\r\n"), err
}

type serveCmd struct {
	secret
	Addr string `env:"WEFT_ADDR" default:"127.0.0.1:8080" help:"Address to listen on; port 0 picks one." placeholder:"HOST:PORT"`
	Data string `env:"WEFT_DATA" default:"./weft-data" help:"Folder that everything is kept in." placeholder:"DIR"`

	JWKS         string `name:"jwks" env:"WEFT_JWKS" help:"Keys of an issuer whose tokens (RS256, ES256, EdDSA) are taken: a JWKS URL (https) or file." placeholder:"URL"`
	JWKSIssuer   string `name:"jwks-issuer" env:"WEFT_JWKS_ISSUER" help:"What iss must be in its tokens; without it, anything." placeholder:"ISS"`
	JWKSAudience string `name:"jwks-audience" env:"WEFT_JWKS_AUDIENCE" help:"What aud must name in its tokens; without it, weft." placeholder:"AUD"`
	JWKSPrivate  bool   `name:"jwks-private" env:"WEFT_JWKS_PRIVATE" help:"Allow a JWKS URL that is http or in a private network."`

	APIKey     string   `name:"api-key" env:"WEFT_API_KEY" help:"Key that gives backends full rights over HTTP." placeholder:"K"`
	APIKeyFile string   `name:"api-key-file" env:"WEFT_API_KEY_FILE" help:"File that holds it." placeholder:"FILE"`
	Redis      string   `env:"WEFT_REDIS" help:"Redis that nodes share who is here through." placeholder:"redis://HOST:PORT"`
	RedisFile  string   `name:"redis-file" env:"WEFT_REDIS_FILE" help:"File that holds it." placeholder:"FILE"`
	Origins    []string `env:"WEFT_ORIGINS" help:"Origins of pages, besides our own, that may connect." placeholder:"URL,…"`
	PublicURL  string   `name:"public-url" env:"WEFT_PUBLIC_URL" help:"Where people reach the server." placeholder:"URL"`
	Open       bool     `env:"WEFT_OPEN" help:"Allow open mode on an address that others reach."`
	Log        string   `env:"WEFT_LOG" enum:"text,json" default:"text" help:"Form of the log on standard error: text or json."`
	Limits     string   `env:"WEFT_LIMITS" enum:"default,lab" default:"default" help:"lab lifts rate and connection limits, for load tests on one machine."`

	Limit          map[string]string `env:"WEFT_LIMIT" mapsep:"," help:"Single limits, comma-separated; weft limits lists them." placeholder:"NAME=VALUE,…"`
	TrustedProxies []string          `name:"trusted-proxies" env:"WEFT_TRUSTED_PROXIES" help:"Proxies whose X-Forwarded-For is believed." placeholder:"CIDR,…"`
}

// Run serves until a signal comes; a second one ends the process at once.
func (c *serveCmd) Run() error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if c.Log == "json" {
		log = slog.New(slog.NewJSONHandler(os.Stderr, nil))
	}
	jwtSecret, err := c.read()
	if err != nil {
		return err
	}
	apiKey, err := fromFile(c.APIKey, c.APIKeyFile)
	if err != nil {
		return err
	}
	redisURL, err := fromFile(c.Redis, c.RedisFile)
	if err != nil {
		return err
	}
	liveWithin()
	outgrow()
	config := server.Config{
		Addr: c.Addr, Data: c.Data, JWTSecret: jwtSecret,
		JWKS: c.JWKS, JWKSPrivate: c.JWKSPrivate, Issuer: c.JWKSIssuer, Audience: c.JWKSAudience, APIKey: apiKey, Redis: redisURL, Origins: c.Origins,
		PublicURL: c.PublicURL, Open: c.Open, Limits: c.Limits, Log: log,
		Limit: c.Limit, TrustedProxies: c.TrustedProxies,
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
		log.Warn("lab limits: rates and connections are not limited; not for the open network")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal has its usual effect
	defer collect(ctx)()

	fmt.Printf("weft: listening on http://%s\n", listener.Addr())
	mode := "tokens"
	if config.OpenMode() {
		mode = "open (anyone who can connect may write, as a guest)"
	}
	fmt.Printf("weft: mode %s, data in %s\n", mode, c.Data)
	return srv.Serve(ctx, listener)
}

type tokenCmd struct {
	secret
	User string        `required:"" help:"Stable id of the person."`
	Name string        `help:"Display name."`
	Room []string      `help:"Room or pattern (docs/42, class/*, docs/**); repeatable." default:"**"`
	Role string        `enum:"read,comment,write,admin" default:"write" help:"read, comment, write or admin."`
	TTL  time.Duration `name:"ttl" default:"15m" help:"How long it is valid."`
}

// Run prints a token.
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
