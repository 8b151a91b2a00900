package storetest

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"weft/server/store"
)

// randomRecords returns n records of random length, 1 to 100 bytes and sometimes 100
// times that, and their length together.
func randomRecords(r *rand.Rand, n int) (records []string, total int) {
	for range n {
		size := 1 + r.IntN(100)
		if r.IntN(10) == 0 {
			size *= 100
		}
		records = append(records, strings.Repeat(string(rune('a'+r.IntN(26))), size))
		total += size
	}
	return records, total
}

// documentParts compacts a log part by part. Each part is bounded. The
// snapshot and the part after it together equal the stored records.
func documentParts(t *testing.T, o *storeUnderTest) {
	part, more, err := o.S.LoadPart(t.Context(), "nowhere", 0, 1<<20)
	must(t, err)
	same(t, "a room never written to", part, store.Doc{})
	same(t, "more of it", more, false)

	const maxBytes = 1000
	records, total := randomRecords(random(t), 300)
	appendTo(t, o, "a", records...)
	appendTo(t, o, "b", "other")
	for compacted, parts := 0, 0; ; parts++ {
		part, more, err := o.S.LoadPart(t.Context(), "a", 0, maxBytes)
		must(t, err)
		wantPart(t, fmt.Sprint("part ", parts), part, records, compacted, maxBytes)
		compacted += len(part.Log)
		if more != (compacted < len(records)) {
			t.Fatalf("part %d: more is %v after %d of %d records", parts, more, compacted, len(records))
		}
		if !more {
			if parts < 3 || parts > total/maxBytes {
				t.Fatalf("%d bytes took %d parts", total, parts)
			}
			break
		}
		if parts == 1 { // somebody writes between loading and compacting
			records = append(records, "late")
			appendTo(t, o, "a", "late")
		}
		must(t, o.S.Compact(t.Context(), "a", []byte(strings.Join(records[:compacted], "")), part.Through))
		if parts%3 == 0 {
			o.reopen()
		}
	}
	wantText := strings.Join(records, "")
	o.twice(func() {
		doc := load(t, o, "a")
		if got := string(doc.Snapshot) + string(bytes.Join(doc.Log, nil)); got != wantText {
			t.Fatalf("the document has %d bytes, want %d", len(got), len(wantText))
		}
		wantDoc(t, o, "b", "", "other")
	})
	// A document that is compacted completely is one part without records.
	must(t, o.S.Compact(t.Context(), "a", []byte("s"), load(t, o, "a").Through))
	through := load(t, o, "a").Through
	part, more, err = o.S.LoadPart(t.Context(), "a", 0, maxBytes)
	must(t, err)
	if string(part.Snapshot) != "s" || len(part.Log) > 0 || part.Through != through || more {
		t.Fatalf("after compaction of all: %+v, more: %v", part, more)
	}
}

// wantPart checks a part of a document whose snapshot must hold the first compacted
// records, and whose log the next ones.
func wantPart(t *testing.T, what string, part store.Doc, records []string, compacted, maxBytes int) {
	t.Helper()
	if got, want := string(part.Snapshot), strings.Join(records[:compacted], ""); got != want {
		t.Fatalf("%s: the snapshot has %d bytes, want %d", what, len(got), len(want))
	}
	size := 0
	for i, data := range part.Log {
		if string(data) != records[compacted+i] {
			t.Fatalf("%s: record %d is not the one that was stored", what, compacted+i)
		}
		size += len(data)
	}
	if size > max(maxBytes, len(part.Snapshot)) && len(part.Log) > 1 || len(part.Log) == 0 {
		t.Fatalf("%s: %d records of %d bytes after a snapshot of %d", what, len(part.Log), size, len(part.Snapshot))
	}
}

// documentPages reads a document part by part while others write to it and compact it.
// Each part is bounded, and together they equal the stored records, in order.
func documentPages(t *testing.T, o *storeUnderTest) {
	const maxBytes = 500
	p := &pagedDocument{t: t, o: o, r: random(t), maxBytes: maxBytes}
	for round := range 20 {
		p.write(1 + p.r.IntN(30))
		if p.r.IntN(3) == 0 {
			p.compact()
		}
		atLeast := strings.Join(p.records, "")
		text, parts := p.readAll(round)
		if all := strings.Join(p.records, ""); !strings.HasPrefix(all, text) || len(text) < len(atLeast) {
			t.Fatalf("round %d: %d bytes in %d parts, want at least %d and at most %d", round, len(text), parts, len(atLeast), len(all))
		}
	}
	// After the last record there is nothing, compacted or not.
	all := load(t, o, "a")
	o.twice(func() {
		for range 2 {
			part, more, err := o.S.LoadPart(t.Context(), "a", all.Through, maxBytes)
			must(t, err)
			same(t, "the part after the last record", part, store.Doc{Through: all.Through})
			same(t, "more of it", more, false)
			must(t, o.S.Compact(t.Context(), "a", []byte(strings.Join(p.records, "")), all.Through))
		}
	})
}

// pagedDocument is the document of documentPages: room "a".
type pagedDocument struct {
	t        *testing.T
	o        *storeUnderTest
	r        *rand.Rand
	maxBytes int
	records  []string // all that were written
}

func (p *pagedDocument) write(n int) {
	p.t.Helper()
	for range n {
		data := fmt.Sprintf("%d%s;", len(p.records), strings.Repeat("x", p.r.IntN(200)))
		p.records = append(p.records, data)
		appendTo(p.t, p.o, "a", data)
	}
}

// compact compacts a random part of the log.
func (p *pagedDocument) compact() {
	p.t.Helper()
	part, _, err := p.o.S.LoadPart(p.t.Context(), "a", 0, p.r.IntN(4*p.maxBytes))
	must(p.t, err)
	must(p.t, p.o.S.Compact(p.t.Context(), "a", slices.Concat(part.Snapshot, bytes.Join(part.Log, nil)), part.Through))
}

// readAll reads all parts, and between them sometimes compacts, writes or reopens. It
// returns what the parts have together.
func (p *pagedDocument) readAll(round int) (text string, parts int) {
	t := p.t
	t.Helper()
	snapshots := 0
	var after store.LogID
	for more := true; more; parts++ {
		var part store.Doc
		var err error
		part, more, err = p.o.S.LoadPart(t.Context(), "a", after, p.maxBytes)
		must(t, err)
		if part.Snapshot != nil {
			if !strings.HasPrefix(string(part.Snapshot), text) {
				t.Fatalf("round %d, part %d: the snapshot of %d bytes does not hold the parts before it, %d bytes", round, parts, len(part.Snapshot), len(text))
			}
			text = string(part.Snapshot)
			snapshots++
		}
		log := string(bytes.Join(part.Log, nil))
		if len(log) > max(p.maxBytes, len(part.Snapshot)) && len(part.Log) > 1 || more && len(part.Log) == 0 {
			t.Fatalf("round %d, part %d: %d records of %d bytes", round, parts, len(part.Log), len(log))
		}
		if text += log; len(part.Log) > 0 && part.Through <= after {
			t.Fatalf("round %d, part %d: through %d after %d", round, parts, part.Through, after)
		}
		after = part.Through
		switch p.r.IntN(8) {
		case 0:
			p.compact()
		case 1:
			p.write(1 + p.r.IntN(3))
		case 2:
			p.o.reopen()
		}
	}
	if snapshots > 1 {
		t.Logf("round %d: the log was compacted between two parts", round)
	}
	return text, parts
}
