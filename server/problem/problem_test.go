package problem

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"weft/server/event"
	"weft/server/store"
	"weft/server/wire"
)

// TestTable promises: every code is unique and well-formed, every status is one
// of HTTP's errors, and what a client may retry says so.
func TestTable(t *testing.T) {
	codes := map[event.ProblemCode]bool{}
	for _, k := range Kinds() {
		if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(string(k.Code)) || codes[k.Code] {
			t.Errorf("code %q is malformed or used twice", k.Code)
		}
		codes[k.Code] = true
		if k.Status < 400 || http.StatusText(k.Status) == "" || k.Title == "" {
			t.Errorf("%s: status %d, title %q", k.Code, k.Status, k.Title)
		}
		if k.Retry > 0 && k.Status != http.StatusTooManyRequests && k.Status != http.StatusServiceUnavailable {
			t.Errorf("%s: status %d with a time to retry", k.Code, k.Status)
		}
	}
	for _, row := range causes {
		if !codes[row.kind.Code] {
			t.Errorf("%s is missing from Kinds", row.kind.Code)
		}
		if p, known := Of(fmt.Errorf("operation: %w", row.err)); !known || p.Kind != row.kind {
			t.Errorf("%v is %s, want %s", row.err, p.Code, row.kind.Code)
		}
	}
}

// TestCauseStaysInside promises: a client is told neither the text of an unknown
// error nor where a damaged document is stored.
func TestCauseStaysInside(t *testing.T) {
	if p, known := Of(errors.New("open /secret/path: denied")); known || p.Kind != Internal || p.Detail != "" {
		t.Errorf("got %v, known %v, want %s without detail", p, known, Internal.Code)
	}
	if p, _ := Of(fmt.Errorf("record 7 of /secret/path: %w", store.ErrCorrupt)); p.Kind != RoomQuarantined || regexp.MustCompile("secret").MatchString(p.Error()) {
		t.Errorf("got %v, want %s without the cause", p, RoomQuarantined.Code)
	}
}

// TestProblemIsAnError promises: a wrapped problem is found again, and two of one
// kind are the same to errors.Is.
func TestProblemIsAnError(t *testing.T) {
	err := fmt.Errorf("api: %w", TooManyRooms.New("at most 32"))
	if !errors.Is(err, TooManyRooms.New("")) || errors.Is(err, Forbidden.New("")) {
		t.Errorf("errors.Is confuses kinds: %v", err)
	}
	for _, c := range []struct {
		err    error
		reason string
	}{
		{TooManyRooms.New("at most 32"), "at most 32"},
		{TooManyRooms.New(""), TooManyRooms.Title},
		{fmt.Errorf("%w on this socket", TooManyRooms.New("")), TooManyRooms.Title + " on this socket"},
	} {
		p, known := Of(c.err)
		if !known || p.Close != wire.CloseRate || p.Reason() != c.reason {
			t.Errorf("%v: got the reason %q, close code %d, known %v, want %q", c.err, p.Reason(), p.Close, known, c.reason)
		}
	}
}

// TestProtocolListsEveryKind promises: the table in PROTOCOL.md has a row for
// each kind of problem, and no others.
func TestProtocolListsEveryKind(t *testing.T) {
	text, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "\n## Problems\n")
	if !ok {
		t.Fatal("PROTOCOL.md has no section Problems")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	listed := map[string]bool{}
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| `") {
			listed[strings.TrimSpace(line)] = true
		}
	}
	for _, k := range Kinds() {
		if row := documentRow(k); !listed[row] {
			t.Errorf("PROTOCOL.md lacks the row\n%s", row)
		} else {
			delete(listed, row)
		}
	}
	for row := range listed {
		t.Errorf("PROTOCOL.md has a row of no kind:\n%s", row)
	}
}

// documentRow is a kind's row in PROTOCOL.md.
func documentRow(k *Kind) string {
	shut, retry := "", ""
	if k.Close != 0 {
		shut = fmt.Sprint(int(k.Close))
	}
	if k.Retry != 0 {
		retry = fmt.Sprintf("%.0f s", k.Retry.Seconds())
	}
	return fmt.Sprintf("| `%s` | %d | %s | %s | %s |", k.Code, k.Status, shut, retry, k.Title)
}
