package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"weft/server/api"
	"weft/server/auth"
)

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
