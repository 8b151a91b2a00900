package server

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weft/notify/webpush"
	"weft/server/api"
	"weft/server/store/sqlite"
)

// TestFailedStartLeavesNothing: whatever New fails at, early or late, no goroutine
// of it runs on, and the data folder can be opened again.
func TestFailedStartReleasesEverything(t *testing.T) {
	broken := os.DirFS(filepath.Join(t.TempDir(), "nowhere"))
	for name, c := range map[string]struct {
		config  Config
		setting string // of a data folder that was tampered with
		want    string
	}{
		"limits":       {config: Config{Limits: "none"}, want: "limits"},
		"short secret": {config: Config{JWTSecret: "short"}, want: "secret"},
		"access":       {setting: api.AccessPrefix + "ana", want: "access"},
		"push keys":    {setting: "vapid-keys", want: "push keys"},
		"push subject": {config: Config{push: webpush.Config{Subject: "nobody"}}, want: "subject"},
		"guest secret": {setting: "guest-secret", want: "secret"},
		"pages":        {config: Config{pages: broken}, want: "pages"},
		"pages, with Redis": {
			config: Config{Redis: "redis://127.0.0.1:1", pages: broken}, want: "pages",
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			c.config.Data = t.TempDir()
			if c.setting != "" {
				db, err := sqlite.Open(filepath.Join(c.config.Data, dataFile), sqlite.Options{})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := db.Setting(t.Context(), c.setting, func() ([]byte, error) { return []byte("bad"), nil }); err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
			}
			for range 2 { // the first gives the folder back to the second
				if s, err := New(c.config); err == nil {
					s.Close()
					t.Fatal("it starts")
				} else if !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v, want it to be about %s", err, c.want)
				}
			}
			late := time.Now().Add(90 * time.Second)
			for err := goleak.Find(before); err != nil; err = goleak.Find(before) {
				if time.Now().After(late) {
					t.Fatal(err)
				}
			}
			if c.setting != "" {
				return
			}
			s, err := New(Config{Data: c.config.Data})
			if err != nil {
				t.Fatalf("the folder cannot be opened again: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
