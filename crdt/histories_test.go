package crdt

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// history is one line of testdata/interop/gen-histories.mjs, where the members are
// explained: the updates of a few random editors and what Yjs made of them. What is
// empty was not written, or Yjs had no answer. The first generator wrote fewer members,
// and updates in order of delivery with duplicates.
type history struct {
	Seed      uint64
	Updates   []hexBytes
	UpdatesV2 []hexBytes `json:"updates_v2"`
	Order     []int
	Part      []int

	Merged     hexBytes
	MergedV2   hexBytes `json:"merged_v2"`
	MergedPart hexBytes `json:"merged_part"`
	MergedSV   hexBytes `json:"merged_sv"`
	Meta       map[uint64][2]uint64

	FullV1     hexBytes `json:"full_v1"`
	FullV2     hexBytes `json:"full_v2"`
	SnapshotV1 hexBytes `json:"snapshot_v1"`
	SnapshotV2 hexBytes `json:"snapshot_v2"`

	KeptV1         hexBytes `json:"kept_v1"`
	KeptV2         hexBytes `json:"kept_v2"`
	KeptSnapshotV1 hexBytes `json:"kept_snapshot_v1"`
	KeptSnapshotV2 hexBytes `json:"kept_snapshot_v2"`

	Half      int
	HalfSV    hexBytes `json:"half_sv"`
	HalfV1    hexBytes `json:"half_v1"`
	HalfV2    hexBytes `json:"half_v2"`
	HalfWaits bool     `json:"half_waits"`
	DiffV1    hexBytes `json:"diff_v1"`
	DiffV2    hexBytes `json:"diff_v2"`
	Diffed    hexBytes
	DiffedV2  hexBytes `json:"diffed_v2"`

	Expect struct {
		Text  string
		Delta any
		Map   any
		Array any
		XML   string
		SV    hexBytes

		Odd    any // not written by older generators
		Markup any
	}

	// Full states by the way that updates came, where Yjs makes a difference: how
	// neighbours are joined then depends on it.
	Ways     map[string]hexBytes
	KeptWays map[string]hexBytes `json:"kept_ways"`

	Skipped any  // this seed, as Yjs got stuck
	Done    bool // the last line
}

type hexBytes []byte

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// TestYjsHistories checks that a document has the same bytes and the same content as in Yjs,
// whether the updates are delivered in order, reordered, repeated, merged or in format V2.
// By default it replays the committed histories. For fresh ones:
//
//	WEFT_HISTORIES=10000 go test ./crdt -run TestYjsHistories -v     needs Node, and npm ci in web/
//	WEFT_SEED=7                                                      the first seed, to repeat a history
//	WEFT_VECTORS=file                                                a file that a generator wrote before
func TestYjsHistories(t *testing.T) {
	if n := os.Getenv("WEFT_HISTORIES"); n != "" {
		freshHistories(t, n, os.Getenv("WEFT_SEED"))
		return
	}
	if path := os.Getenv("WEFT_VECTORS"); path != "" {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkHistories(t, f)
		return
	}
	for _, name := range []string{"yjs-13.6.33-histories.jsonl.gz", "yjs-13.6.33-histories-2.jsonl.gz"} {
		f, err := os.Open("testdata/interop/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		checkHistories(t, z)
	}
}

// freshHistories lets Yjs write histories while they are checked: nothing is kept.
func freshHistories(t *testing.T, count, seed string) {
	if seed == "" {
		seed = strconv.FormatInt(time.Now().Unix(), 10)
	}
	t.Logf("WEFT_HISTORIES=%s WEFT_SEED=%s", count, seed)
	generator, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", generator+"/testdata/interop/gen-histories.mjs", count, seed)
	cmd.Dir = "../web" // where npm ci put Yjs
	cmd.Stderr = os.Stderr
	lines, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	checkHistories(t, lines)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func checkHistories(t *testing.T, r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	n, skipped, failed, undecided := 0, 0, 0, 0
	for lines.Scan() {
		if n++; thin && n%10 > 0 {
			continue
		}
		var h history
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		switch {
		case h.Done:
			n--
			continue
		case h.Skipped != nil:
			n--
			skipped++
			continue
		case h.Ways != nil:
			undecided++
		}
		if err := h.check(); err != nil {
			t.Errorf("seed %d: %v", h.Seed, err)
			if failed++; failed > 20 {
				t.FailNow()
			}
		}
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	if skipped > 3+n/100 {
		t.Errorf("Yjs was stuck with %d of %d histories: too many to be true", skipped, n)
	}
	t.Logf("%d histories, %d differ; of %d Yjs makes several states, depending on how they came; besides %d skipped, with which Yjs was stuck",
		n, failed, undecided, skipped)
}
