package server

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"weft/server/api"
	"weft/server/auth"
)

// loadAccess reads what people may do at most. One that cannot be read keeps
// the server from starting: it must not give back what was taken away.
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
