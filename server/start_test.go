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

// TestFailedStartReleasesEverything checks that after an error of New, early or late, none
// of its goroutines runs, and the data folder can be opened again.
func TestFailedStartReleasesEverything(t *testing.T) {
	broken := os.DirFS(filepath.Join(t.TempDir(), "nowhere"))
	for name, c := range map[string]struct {
		config  Config
		setting string // the name of a stored setting that is damaged
		want    string // part of the error
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
			for range 2 { // the second call shows that the first has unlocked the folder
				if s, err := New(c.config); err == nil {
					s.Close()
					t.Fatal("New succeeds")
				} else if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got error %q, want one about %s", err, c.want)
				}
			}
			deadline := time.Now().Add(90 * time.Second)
			for err := goleak.Find(before); err != nil; err = goleak.Find(before) {
				if time.Now().After(deadline) {
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
