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

func TestRedisLogIsRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		for level, want := range map[slog.Level]int{slog.LevelDebug: 6, slog.LevelInfo: 0} {
			out.Reset()
			c := &redisLog{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))}
			for n := range 600 { // a minute
				c.Printf(t.Context(), "dial %d\nfailed", n)
				time.Sleep(100 * time.Millisecond)
			}
			lines := strings.Count(out.String(), "\n")
			if lines != want || want > 0 && (!strings.Contains(out.String(), "skipped=99") || !strings.Contains(out.String(), `dial 100\nfailed`)) {
				t.Errorf("at %s: %d lines:\n%s", level, lines, out.String())
			}
		}
	})
}

// What go-redis logs while Redis does not answer goes to the tracker's log, and not
// to standard error.
func TestStandardErrorStaysEmptyWhileRedisIsDown(t *testing.T) {
	if os.Getenv("WEFT_REDIS_DOWN") != "" {
		log := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{Level: slog.LevelDebug}))
		tracker, err := New(Options{URL: "redis://127.0.0.1:1", Timeout: 50 * time.Millisecond, Log: log})
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			tracker.client.Ping(t.Context())
		}
		if err := tracker.Close(); err != nil {
			t.Fatal(err)
		}
		os.Exit(0) // go-redis sleeps on for a second, which the goroutine leak check would find
	}
	cmd := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), "WEFT_REDIS_DOWN=1")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, errs.String())
	}
	if n := strings.Count(string(out), "failed to dial"); n != 1 { // the others are counted
		t.Errorf("%d lines in the log:\n%s", n, out)
	}
	if errs.Len() > 0 {
		t.Errorf("on standard error: %s", errs.String())
	}
}
