package room

import "weft/server/store"

// length of a document's log.
type length struct {
	records, bytes int
	snapshot       int // bytes of the one that the log comes after; 0 if there is none
}

// add counts the next part of what is stored.
func (l *length) add(part store.Doc) {
	if part.Snapshot != nil { // it holds what came before
		*l = length{snapshot: len(part.Snapshot)}
	}
	l.records += len(part.Log)
	for _, update := range part.Log {
		l.bytes += len(update)
	}
}

// leastWeight is the weight from which on a log is worth folding: less is read in no
// time.
const leastWeight = 64 << 10

// worthFolding tells whether writing the log has taken as much as the snapshot has
// (store.WrittenBytes). A fold writes a new snapshot, at most as large as the old one and
// the log together, and the log once more, to stand behind it. So that is about as
// much as a log of keystrokes took, and three times as much as one of large updates
// at most, whoever comes and goes.
func (l length) worthFolding() bool {
	return store.WrittenBytes(l.records, l.bytes) >= max(leastWeight, l.snapshot)
}

// single tells whether all there is is one update, which is as good as a snapshot.
func (l length) single() bool { return l.snapshot == 0 && l.records == 1 }
