package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
	"weft/server/store/sqlite"
	"weft/server/store/storetest"
)

// crashEnv is the environment variable that makes the test program a child of the crash
// test. Its value is the folder of the store that the child writes to until it is killed.
const crashEnv = "WEFT_SQLITE_CRASH"

const (
	crashRounds  = 10
	crashWriters = 6
)

// tally counts the records of each writer in a document. The records of a writer are
// numbered; tally returns an error unless they are 1, 2, 3, … in this order.
func tally(doc store.Doc) (counts [crashWriters]int, err error) {
	all := string(doc.Snapshot)
	for _, data := range doc.Log {
		all += string(data)
	}
	for record := range strings.SplitSeq(strings.TrimSuffix(all, ";"), ";") {
		if record == "" {
			continue
		}
		var w, n int
		if _, err := fmt.Sscanf(record, "%d:%d", &w, &n); err != nil {
			return counts, fmt.Errorf("record %q: %w", record, err)
		}
		if counts[w]++; counts[w] != n {
			return counts, fmt.Errorf("writer %d: got record %d, want record %d", w, n, counts[w])
		}
	}
	return counts, nil
}

// crashRoom returns the room of a writer: even and odd writers share one room each.
func crashRoom(w int) store.RoomID { return store.RoomID(fmt.Sprint("room ", w%2)) }

// crashChild appends updates, posts messages and compacts rooms until it is killed. It
// prints one line for each acknowledged write: "a WRITER COUNT" for an update, "m ID" for
// a message.
func crashChild() {
	ctx := context.Background()
	s, err := sqlite.Open(filepath.Join(os.Getenv(crashEnv), "weft.db"), sqlite.Options{})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	var g errgroup.Group
	for w := range crashWriters {
		g.Go(func() error {
			doc, err := storetest.LoadAll(ctx, s, crashRoom(w))
			if err != nil {
				return err
			}
			counts, err := tally(doc)
			if err != nil {
				return err
			}
			for n := counts[w] + 1; ; n++ {
				if err := s.AppendUpdates(ctx, []store.Update{{Room: crashRoom(w), Data: fmt.Appendf(nil, "%d:%d;", w, n)}}); err != nil {
					return err
				}
				fmt.Printf("a %d %d\n", w, n)
				if n%3 == 0 {
					id := fmt.Sprintf("%d-%d", w, n)
					if _, _, err := s.PostMessage(ctx, store.Message{ID: id, Room: "chat", User: store.User{ID: "ann"}}, store.WithOutbox); err != nil {
						return err
					}
					fmt.Printf("m %s\n", id)
				}
				if n%11 == 0 {
					most := math.MaxInt
					if n%2 == 0 {
						most = 64 // bytes: compacts a part of the log; a kill may come before the next part
					}
					doc, _, err := s.LoadPart(ctx, crashRoom(w), 0, most)
					if err != nil {
						return err
					}
					snapshot := doc.Snapshot
					for _, data := range doc.Log {
						snapshot = append(snapshot, data...)
					}
					if err := s.Compact(ctx, crashRoom(w), snapshot, doc.Through); err != nil {
						return err
					}
				}
			}
		})
	}
	fmt.Println("error", g.Wait())
	os.Exit(1)
}

// TestKilledProcessLosesNoAcknowledgedWrite kills a writing process at random moments.
// Every write that the store had acknowledged must be in the file afterwards.
func TestKilledProcessLosesNoAcknowledgedWrite(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	self, err := os.Executable()
	must(t, err)
	dir := t.TempDir()
	var appended [crashWriters]int
	posted := map[string]bool{}
	for range crashRounds {
		// The child is killed after a random number of acknowledgements.
		killAfter := 1 + r.IntN(250)
		child := exec.CommandContext(t.Context(), self)
		child.Env = append(os.Environ(), crashEnv+"="+dir)
		child.Stderr = os.Stderr
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		lines := bufio.NewScanner(out)
		for i := 0; lines.Scan(); i++ {
			// Lines after the kill count too: they were written before it.
			if i == killAfter {
				must(t, child.Process.Kill())
			}
			switch f := strings.Fields(lines.Text()); f[0] {
			case "a":
				w, _ := strconv.Atoi(f[1])
				appended[w], _ = strconv.Atoi(f[2])
			case "m":
				posted[f[1]] = true
			default:
				t.Errorf("child: %s", lines.Text())
			}
		}
		_ = child.Wait() // always fails: the child was killed
		if t.Failed() {
			return
		}
		crashCheck(t, dir, appended, posted)
	}
	t.Log("acknowledged:", appended, "records,", len(posted), "messages")
}

// crashCheck opens the store and checks that it holds all acknowledged records and
// messages, that message seqs have no gaps, and that each message has an outbox entry.
func crashCheck(t *testing.T, dir string, appended [crashWriters]int, posted map[string]bool) {
	t.Helper()
	s := open(t, dir)
	defer s.Close()
	for w, acked := range appended {
		doc, err := storetest.LoadAll(t.Context(), s, crashRoom(w))
		must(t, err)
		counts, err := tally(doc)
		must(t, err)
		if counts[w] < acked {
			t.Fatalf("writer %d: the document holds %d records, but %d were acknowledged", w, counts[w], acked)
		}
	}
	found := 0
	seq := store.Seq(1)
	for page := (store.MessagePage{Limit: 200, Before: 201}); ; page = (store.MessagePage{Limit: 200, After: seq - 1}) {
		list, err := s.Messages(t.Context(), "chat", page)
		must(t, err)
		for _, m := range list {
			if m.Seq != seq {
				t.Fatalf("message %q has seq %d, want %d", m.ID, m.Seq, seq)
			}
			seq++
			if posted[m.ID] {
				found++
			}
		}
		if len(list) == 0 {
			break
		}
	}
	if found != len(posted) {
		t.Fatalf("%d acknowledged messages are stored, want %d", found, len(posted))
	}
	entries, err := s.OutboxEntries(t.Context(), 1<<20)
	must(t, err)
	if len(entries) != int(seq)-1 {
		t.Fatalf("%d outbox entries for %d messages", len(entries), seq-1)
	}
}
