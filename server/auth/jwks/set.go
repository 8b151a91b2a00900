// Package jwks keeps the public keys of an issuer of tokens, a JSON Web Key Set
// (RFC 7517) at a URL or in a file: read at the start, again from time to time, and
// when a token names a key that is not in it.
package jwks

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"weft/server/auth"
)

// How fresh a set is.
const (
	// Every is how often the set is read again without a reason: so long may a key
	// that its issuer has withdrawn still count.
	Every = 5 * time.Minute
	// Apart is how far apart the reads are at least that tokens with unknown keys
	// cause, as anybody can send one.
	Apart = 10 * time.Second
	// Trusted is how long the keys count if the set cannot be read any more.
	Trusted = 24 * time.Hour

	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Set is such a set. Make one with New. Safe for concurrent use.
type Set struct {
	read func(context.Context) ([]byte, error)
	log  *slog.Logger

	reading sync.Mutex // held by the one who reads

	mu    sync.Mutex
	keys  map[name]crypto.PublicKey
	at    time.Time // when keys were read; zero: never
	tried time.Time // when reading them ended last
	err   error     // how
}

// Config of a Set.
type Config struct {
	// Source is an https URL, a file URL, or a file's path.
	Source string
	// Private allows a URL of http or in a private network.
	Private bool
	// Log gets what goes wrong; nil discards it.
	Log *slog.Logger

	timeout time.Duration // of one read, for tests; 0: readTime
}

// New checks the source; a file is read. A URL is not: see Run.
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

// Run reads the set, now and from time to time, until ctx ends.
func (s *Set) Run(ctx context.Context) {
	retry := firstRetry
	for {
		wait := Every
		if err := s.refresh(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			s.log.Error("the keys of tokens could not be read; trying again", "wait", retry, "err", err)
			wait, retry = retry, min(2*retry, lastRetry)
		} else {
			retry = firstRetry
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

// refresh reads the set. What was read before stays if it can't.
func (s *Set) refresh(ctx context.Context) error {
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.refreshNow(ctx)
}

// refreshNow is called with reading held.
func (s *Set) refreshNow(ctx context.Context) error {
	text, err := s.read(ctx)
	var keys map[name]crypto.PublicKey
	var skipped []error
	if err == nil {
		keys, skipped, err = parse(text)
	}
	if err != nil {
		err = fmt.Errorf("jwks: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tried, s.err = time.Now(), err
	if err != nil {
		return err
	}
	if s.keys == nil || len(keys) != len(s.keys) {
		s.log.Info("the keys of tokens were read", "keys", len(keys), "unused", len(skipped), "err", errors.Join(skipped...))
	}
	s.keys, s.at = keys, s.tried
	return nil
}

// Find implements auth.Keys.
func (s *Set) Find(kid, alg string) (crypto.PublicKey, error) {
	key, tried, err := s.lookup(kid, alg)
	if key != nil || err == nil {
		return key, nil
	}
	// One reads for all who wait.
	s.reading.Lock()
	defer s.reading.Unlock()
	if key, last, again := s.lookup(kid, alg); key != nil || !last.Equal(tried) || time.Since(last) < Apart {
		return key, again
	}
	if err := s.refreshNow(context.Background()); err != nil {
		s.log.Error("the keys of tokens could not be read", "err", err)
	}
	key, _, err = s.lookup(kid, alg)
	return key, err
}

// lookup returns a key that counts, or why there is none, and when the set was
// last tried to be read.
func (s *Set) lookup(kid, alg string) (crypto.PublicKey, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at.IsZero() || time.Since(s.at) > Trusted {
		return nil, s.tried, auth.ErrKeys
	}
	if key := s.find(kid, alg); key != nil {
		return key, s.tried, nil
	}
	if s.err != nil { // a newer set may have it
		return nil, s.tried, auth.ErrKeys
	}
	return nil, s.tried, fmt.Errorf("%w: its key is not known", auth.ErrToken)
}

// find returns the key of that name. A token that names none is of the only key
// for its algorithm. mu is held.
func (s *Set) find(kid, alg string) crypto.PublicKey {
	if key := s.keys[name{kid, alg}]; key != nil || kid != "" {
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
