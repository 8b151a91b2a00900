package server

import (
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestOpenAPIDescribesEveryRoute checks that openapi.yaml describes exactly the routes of
// api/routes.go.
func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	source, err := os.ReadFile("api/routes.go")
	if err != nil {
		t.Fatal(err)
	}
	routes := map[string]bool{}
	for _, m := range regexp.MustCompile(`(e|g)\.(GET|POST|PUT|PATCH|DELETE)\("([^"]+)"`).FindAllStringSubmatch(string(source), -1) {
		path := regexp.MustCompile(`:(\w+)`).ReplaceAllString(m[3], "{$1}")
		if m[1] == "g" {
			path = "/api" + path
		} else if path != "/livez" && path != "/readyz" && path != "/metrics" {
			continue // pages and WebSockets
		}
		if path != "/api/openapi.yaml" {
			routes[m[2]+" "+path] = true
		}
	}
	if len(routes) < 15 {
		t.Fatalf("found %d routes in api/routes.go, want at least 15: has its format changed?", len(routes))
	}

	s := startServer(t, Config{})
	answer, err := http.Get("http://" + s.host + "/api/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		t.Fatalf("openapi.yaml: status %d, error %v", answer.StatusCode, err)
	}
	described := map[string]bool{}
	path := ""
	for line := range strings.Lines(string(text)) {
		if m := regexp.MustCompile(`^  (/\S+):\s*$`).FindStringSubmatch(line); m != nil {
			path = m[1]
		}
		if m := regexp.MustCompile(`^    (get|post|put|patch|delete):`).FindStringSubmatch(line); m != nil && path != "" {
			described[strings.ToUpper(m[1])+" "+path] = true
		}
	}
	for r := range routes {
		if !described[r] {
			t.Errorf("openapi.yaml does not describe %s", r)
		}
	}
	for d := range described {
		if !routes[d] {
			t.Errorf("openapi.yaml describes %s, which does not exist", d)
		}
	}
}
