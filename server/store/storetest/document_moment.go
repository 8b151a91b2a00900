package storetest

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"

	"weft/server/store"
)

const (
	momentWriters = 4
	momentRecords = 60 // of each writer
)

// moment is the room of documentMoment. A record is its writer's number and that writer's
// count, 4 bytes each; a snapshot is the records one after another. So each load can be
// checked: it must have all records of each writer from the first to some last one, and no
// fewer than were acknowledged before the load began.
type moment struct {
	t     *testing.T
	o     *storeUnderTest
	acked [momentWriters]atomic.Uint32 // how many records of each writer are stored
}

// documentMoment has goroutines write to, compact and read one room at the same time.
func documentMoment(t *testing.T, o *storeUnderTest) {
	m := &moment{t: t, o: o}
	var writing sync.WaitGroup
	written := make(chan struct{})
	var g errgroup.Group
	for w := range momentWriters {
		writing.Add(1)
		g.Go(func() error {
			defer writing.Done()
			return m.write(w)
		})
	}
	compactAll := func() error { return m.compact(math.MaxInt) }
	compactPart := func() error { return m.compact(64) }
	for _, work := range []func() error{m.read, m.read, compactAll, compactPart} {
		g.Go(func() error {
			for {
				select {
				case <-written:
					return nil
				default:
					if err := work(); err != nil {
						return err
					}
				}
			}
		})
	}
	writing.Wait()
	close(written)
	must(t, g.Wait())
	o.twice(func() { must(t, m.read()) })
}

// write appends all records of one writer.
func (m *moment) write(writer int) error {
	for n := uint32(1); n <= momentRecords; n++ {
		data := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(writer)), n)
		if err := m.o.S.AppendUpdates(m.t.Context(), []store.Update{{Room: "room", Data: data}}); err != nil {
			return err
		}
		m.acked[writer].Store(n)
	}
	return nil
}

// read loads the document and checks it.
func (m *moment) read() error {
	var atLeast [momentWriters]uint32
	for w := range momentWriters {
		atLeast[w] = m.acked[w].Load()
	}
	doc, err := LoadAll(m.t.Context(), m.o.S, "room")
	if err != nil {
		return err
	}
	var seen [momentWriters]uint32
	for _, part := range append([][]byte{doc.Snapshot}, doc.Log...) {
		for ; len(part) > 0; part = part[8:] {
			w, n := binary.BigEndian.Uint32(part), binary.BigEndian.Uint32(part[4:])
			if seen[w]++; seen[w] != n {
				return fmt.Errorf("writer %d: got record %d, want %d (through %d)", w, n, seen[w], doc.Through)
			}
		}
	}
	for w := range momentWriters {
		if seen[w] < atLeast[w] {
			return fmt.Errorf("writer %d: got %d records, %d were acknowledged before", w, seen[w], atLeast[w])
		}
	}
	return nil
}

// compact compacts the first part of the log, of up to maxBytes.
func (m *moment) compact(maxBytes int) error {
	doc, _, err := m.o.S.LoadPart(m.t.Context(), "room", 0, maxBytes)
	if err != nil || len(doc.Log) == 0 {
		return err
	}
	snapshot := slices.Concat(append([][]byte{doc.Snapshot}, doc.Log...)...)
	return m.o.S.Compact(m.t.Context(), "room", snapshot, doc.Through)
}
