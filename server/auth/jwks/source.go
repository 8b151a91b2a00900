package jwks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"weft/notify/guard"
)

// ErrSource says that a source is not one to read keys from.
var ErrSource = errors.New("jwks: bad source")

// readTime bounds one read, and with it how long a token with an unknown key waits.
const readTime = 5 * time.Second

// source returns what reads the set.
func source(c Config) (read func(context.Context) ([]byte, error), isFile bool, err error) {
	if c.Source == "" {
		return nil, false, fmt.Errorf("%w: none is given", ErrSource)
	}
	path := c.Source
	if strings.Contains(c.Source, "://") {
		u, err := url.Parse(c.Source)
		if err != nil {
			return nil, false, fmt.Errorf("%w: it is not a URL", ErrSource)
		}
		if u.Scheme != "file" {
			read, err := remote(u, c)
			return read, false, err
		}
		if path = u.Path; u.Host != "" && u.Host != "localhost" {
			return nil, false, fmt.Errorf("%w: a file URL has no host", ErrSource)
		}
	}
	return func(context.Context) ([]byte, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return bounded(f)
	}, true, nil
}

// remote reads from a URL of the operator's. Where its name leads is up to others,
// so that is the open Internet unless the operator says otherwise.
func remote(u *url.URL, c Config) (func(context.Context) ([]byte, error), error) {
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !c.Private):
		return nil, fmt.Errorf("%w: it is an https URL or a file, and http only in a private network (--jwks-private)", ErrSource)
	case u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%w: a URL is like https://id.example.org/keys, without a user or a fragment", ErrSource)
	}
	client := guard.Client(guard.Config{Timeout: cmp.Or(c.timeout, readTime), Control: func(_ context.Context, network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !c.Private && !guard.Public(to.Addr()) {
			return fmt.Errorf("%w: %s %s is not a public address; if it is meant, allow it with --jwks-private", ErrSource, network, address)
		}
		return nil
	}})
	return func(ctx context.Context) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		request.Close = true // the next one is minutes away
		request.Header.Set("Accept", "application/jwk-set+json, application/json")
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answers %s; redirects are not followed", u.Redacted(), response.Status)
		}
		return bounded(response.Body)
	}, nil
}

// bounded reads all of what is no larger than a set may be.
func bounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("it is larger than %d bytes", maxSize)
	}
	return text, err
}
