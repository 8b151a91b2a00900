package auth

import (
	"net/http"
	"strings"
)

// bearerPrefix of a Sec-WebSocket-Protocol entry that carries a token.
const bearerPrefix = "bearer."

// RequestToken returns the token that a request carries, or the empty string:
// from Authorization, from a WebSocket subprotocol, or from ?token= where stock
// Yjs providers put it. The query must never be logged.
func RequestToken(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	for _, line := range r.Header.Values("Sec-WebSocket-Protocol") {
		for entry := range strings.SplitSeq(line, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(entry), bearerPrefix); ok {
				return token
			}
		}
	}
	return r.URL.Query().Get("token")
}
