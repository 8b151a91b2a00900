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

// ErrSource is wrapped by errors about Config.Source: a source that is refused.
var ErrSource = errors.New("jwks: bad source")

// readTimeout bounds one read, and so the time that a token with an unknown key waits.
const readTimeout = 5 * time.Second

// source returns the function that reads the set from Config.Source.
func source(c Config) (read func(context.Context) ([]byte, error), isFile bool, err error) {
	if c.Source == "" {
		return nil, false, fmt.Errorf("%w: empty", ErrSource)
	}
	path := c.Source
	if strings.Contains(c.Source, "://") {
		u, err := url.Parse(c.Source)
		if err != nil {
			return nil, false, fmt.Errorf("%w: not a URL", ErrSource)
		}
		if u.Scheme != "file" {
			read, err := remote(u, c)
			return read, false, err
		}
		if path = u.Path; u.Host != "" && u.Host != "localhost" {
			return nil, false, fmt.Errorf("%w: a file URL must not have a host", ErrSource)
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

// remote returns the function that reads the set from a URL. Whoever controls the DNS
// name decides where it points, so only public addresses are allowed unless c.Private.
func remote(u *url.URL, c Config) (func(context.Context) ([]byte, error), error) {
	switch {
	case u.Scheme != "https" && (u.Scheme != "http" || !c.Private):
		return nil, fmt.Errorf("%w: want an https URL or a file; http needs --jwks-private", ErrSource)
	case u.Hostname() == "" || u.User != nil || u.Fragment != "":
		return nil, fmt.Errorf("%w: want a URL like https://id.example.org/keys, without user and fragment", ErrSource)
	}
	client := guard.Client(guard.Config{Timeout: cmp.Or(c.timeout, readTimeout), Control: func(_ context.Context, network, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil || !c.Private && !guard.Public(to.Addr()) {
			return fmt.Errorf("%w: %s %s is not a public address; allow it with --jwks-private", ErrSource, network, address)
		}
		return nil
	}})
	return func(ctx context.Context) ([]byte, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
		if err != nil {
			return nil, err
		}
		request.Close = true // the next request is minutes away
		request.Header.Set("Accept", "application/jwk-set+json, application/json")
		response, err := client.Do(request)
		if err != nil {
			return nil, err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answered %s (redirects are not followed)", u.Redacted(), response.Status)
		}
		return bounded(response.Body)
	}, nil
}

// bounded reads r to its end, and fails beyond maxSize bytes.
func bounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSize+1))
	if err == nil && len(text) > maxSize {
		err = fmt.Errorf("larger than %d bytes", maxSize)
	}
	return text, err
}
