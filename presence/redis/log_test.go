package redis

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestChatterIsRationed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		for level, want := range map[slog.Level]int{slog.LevelDebug: 6, slog.LevelInfo: 0} {
			out.Reset()
			c := &chatter{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))}
			for n := range 600 { // a minute
				c.Printf(t.Context(), "dial %d\nfailed", n)
				time.Sleep(100 * time.Millisecond)
			}
			lines := strings.Count(out.String(), "\n")
			if lines != want || want > 0 && (!strings.Contains(out.String(), "left out\"=99") || !strings.Contains(out.String(), `dial 100\nfailed`)) {
				t.Errorf("at %s: %d lines:\n%s", level, lines, out.String())
			}
		}
	})
}

// TestQuietWhileRedisIsDown: a process whose Redis does not answer says nothing on
// standard error that its log has not.
func TestQuietWhileRedisIsDown(t *testing.T) {
	if os.Getenv("WEFT_REDIS_DOWN") != "" {
		tracker, err := New(Options{URL: "redis://127.0.0.1:1", Timeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			tracker.client.Ping(t.Context())
		}
		if err := tracker.Close(); err != nil {
			t.Fatal(err)
		}
		os.Exit(0) // go-redis sleeps on for a second, which the look for leaks would find
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "WEFT_REDIS_DOWN=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if out, err := cmd.Output(); err != nil {
		t.Fatalf("%v: %s%s", err, out, errs.String())
	}
	if errs.Len() > 0 {
		t.Errorf("on standard error: %s", errs.String())
	}
}
