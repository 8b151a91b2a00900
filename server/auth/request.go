package auth

import (
	"net/http"
	"strings"
)

// bearerPrefix begins the Sec-WebSocket-Protocol entry that carries a token: browsers can
// set no other header of a WebSocket request.
const bearerPrefix = "bearer."

// RequestToken returns the token of a request, or the empty string. It looks in this
// order at the Authorization header, the WebSocket subprotocols, and the query parameter
// "token", where stock Yjs providers put it. The query must never be logged.
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
