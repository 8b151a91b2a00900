package server

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"

	"weft/server/api"
	"weft/server/auth"
	"weft/server/store"
)

// buildAuth makes the token verifier. Without a secret or external keys it signs guests'
// tokens with a secret that is generated at the first start and stored.
func (s *Server) buildAuth(ctx context.Context) error {
	if err := s.loadAccess(ctx); err != nil {
		return err
	}
	c := auth.Config{
		Secret: []byte(s.config.JWTSecret), Issuer: s.config.Issuer, Audience: s.config.Audience,
		Open: s.config.OpenMode(), Access: &s.access, APIKey: s.config.APIKey, OnLimit: s.limits.reached,
	}
	var err error
	switch {
	case s.config.JWKS != "":
		if s.keys, err = s.config.keys(); err != nil {
			return err
		}
		if c.Keys = s.keys; s.config.JWTSecret == "" {
			c.Secret = nil
		}
	case s.config.JWTSecret == "":
		if c.Secret, err = s.store.Setting(ctx, "guest-secret", newSecret); err != nil {
			return err
		}
	}
	s.verifier, err = auth.NewVerifier(c)
	return err
}

// isBarred reports whether a ceiling forbids the person even to read the room.
func (s *Server) isBarred(user string, room store.RoomID) bool {
	return s.access.Ceiling(user, string(room)) < auth.Read
}

// loadAccess loads the ceilings of people's rights from the store. A ceiling that cannot be
// read stops the start: without it a person would get back rights that a backend removed.
func (s *Server) loadAccess(ctx context.Context) error {
	all, err := s.store.Settings(ctx, api.AccessPrefix)
	if err != nil {
		return fmt.Errorf("server: access: %w", err)
	}
	for key, value := range all {
		user := strings.TrimPrefix(key, api.AccessPrefix)
		var ceiling []auth.Grant
		if err := json.Unmarshal(value, &ceiling); err != nil {
			return fmt.Errorf("server: access of %q: %w", user, err)
		}
		s.access.Set(user, ceiling)
	}
	return nil
}

// newSecret returns 32 random bytes.
func newSecret() ([]byte, error) {
	b := make([]byte, 32)
	_, err := rand.Read(b)
	return b, err
}
