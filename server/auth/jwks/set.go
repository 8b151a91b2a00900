// Package jwks keeps the public keys of an external issuer of tokens: a JSON Web Key Set
// (RFC 7517) at a URL or in a file. The set is read at the start, every few minutes, and
// when a token names an unknown key.
//
// Why not a library (keyfunc, jwkset, jwx): most of this package is policy that they leave
// to their user or do otherwise. A token with an unknown key causes at most one read in
// minUnknownInterval, shared by all callers. Keys stay valid for maxStale while their
// issuer is down, and callers can tell "unknown key" from "cannot know now". The HTTP
// client refuses private addresses and redirects. A key is bound to one algorithm;
// private, weak and oversized keys are refused. What a library would save is decoding
// three kinds of keys, some 60 lines.
package jwks

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"weft/server/auth"
)

const (
	// refreshInterval is the time between regular reads. A key that its issuer has
	// withdrawn is accepted for at most this time.
	refreshInterval = 5 * time.Minute
	// minUnknownInterval is the shortest time between two reads that tokens with unknown
	// keys cause: anybody can send such a token.
	minUnknownInterval = 10 * time.Second
	// maxStale is how long keys are accepted after the last successful read.
	maxStale = 24 * time.Hour

	minBackoff = time.Second // after a failed read; doubles each time
	maxBackoff = time.Minute
)

// Set is a key set that is kept up to date. Make one with New. Safe for concurrent use.
type Set struct {
	read func(context.Context) ([]byte, error)
	log  *slog.Logger

	reading sync.Mutex // held during a read of the source; taken before mu

	mu      sync.Mutex
	keys    map[keyName]crypto.PublicKey
	readAt  time.Time // last successful read; zero: none
	triedAt time.Time // end of the last read
	err     error     // of the last read
}

// Config of a Set.
type Config struct {
	// Source is an https URL, a file URL, or the path of a file.
	Source string
	// Private allows an http URL, and addresses in private networks.
	Private bool
	// Log receives failed reads; nil: discarded.
	Log *slog.Logger

	timeout time.Duration // of one read, for tests; 0: readTimeout
}

// New checks the source and makes a Set. It reads a file at once; a URL is read by Run.
// Errors wrap ErrSource, or are those of reading the file.
func New(c Config) (*Set, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	read, isFile, err := source(c)
	if err != nil {
		return nil, err
	}
	s := &Set{read: read, log: c.Log}
	if isFile {
		if err := s.refresh(context.Background()); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Run reads the set now and then every refreshInterval, until ctx ends.
func (s *Set) Run(ctx context.Context) {
	delays := backoff.ExponentialBackOff{InitialInterval: minBackoff, Multiplier: 2, MaxInterval: maxBackoff}
	for {
		wait := refreshInterval
		if err := s.refresh(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			wait = delays.NextBackOff()
			s.log.Error("token keys cannot be read; retrying", "wait", wait, "err", err)
		} else {
			delays.Reset()
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// refresh reads the source. If that fails, the keys of the last read stay.
func (s *Set) refresh(ctx context.Context) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.refreshLocked(ctx)
}

// refreshLocked is refresh for callers that hold reading.
func (s *Set) refreshLocked(ctx context.Context) error {
	text, err := s.read(ctx)
	var keys map[keyName]crypto.PublicKey
	var skipped []error
	if err == nil {
		keys, skipped, err = parse(text)
	}
	if err != nil {
		err = fmt.Errorf("jwks: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.triedAt, s.err = time.Now(), err
	if err != nil {
		return err
	}
	if s.keys == nil || len(keys) != len(s.keys) {
		s.log.Info("token keys read", "keys", len(keys), "skipped", len(skipped), "reasons", errors.Join(skipped...))
	}
	s.keys, s.readAt = keys, s.triedAt
	return nil
}

// Find implements auth.Keys. For an unknown key it reads the source, unless the last read
// was less than minUnknownInterval ago; concurrent callers share one read.
func (s *Set) Find(kid, alg string) (crypto.PublicKey, error) {
	key, triedAt, err := s.lookup(kid, alg)
	if key != nil || err == nil {
		return key, nil
	}
	s.reading.Lock()
	defer s.reading.Unlock()
	// Another caller may have read the source while this one waited for the lock.
	if key, last, again := s.lookup(kid, alg); key != nil || !last.Equal(triedAt) || time.Since(last) < minUnknownInterval {
		return key, again
	}
	if err := s.refreshLocked(context.Background()); err != nil {
		s.log.Error("token keys cannot be read", "err", err)
	}
	key, _, err = s.lookup(kid, alg)
	return key, err
}

// lookup returns the key, or the reason why there is none, and the end of the last read.
func (s *Set) lookup(kid, alg string) (crypto.PublicKey, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readAt.IsZero() || time.Since(s.readAt) > maxStale {
		return nil, s.triedAt, auth.ErrKeys
	}
	if key := s.find(kid, alg); key != nil {
		return key, s.triedAt, nil
	}
	if s.err != nil { // the issuer may have published the key since the last successful read
		return nil, s.triedAt, auth.ErrKeys
	}
	return nil, s.triedAt, fmt.Errorf("%w: its key is unknown", auth.ErrToken)
}

// find returns the key of that name, nil if there is none. A token without a key id has
// the only key for its algorithm, if there is exactly one. mu is held.
func (s *Set) find(kid, alg string) crypto.PublicKey {
	if key := s.keys[keyName{kid, alg}]; key != nil || kid != "" {
		return key
	}
	var only crypto.PublicKey
	for n, key := range s.keys {
		if n.alg == alg {
			if only != nil {
				return nil
			}
			only = key
		}
	}
	return only
}
