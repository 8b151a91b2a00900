package room

import "weft/server/store"

// logSize is the size of a document's stored log.
type logSize struct {
	records, bytes int
	snapshot       int // bytes of the snapshot before the log; 0 if there is none
}

// add adds the next part of a stored document.
func (l *logSize) add(part store.Doc) {
	if part.Snapshot != nil { // it replaces what came before
		*l = logSize{snapshot: len(part.Snapshot)}
	}
	l.records += len(part.Log)
	for _, update := range part.Log {
		l.bytes += len(update)
	}
}

// minWritten is the number of written bytes from which on a log is worth compacting:
// shorter logs load in no time.
const minWritten = 64 << 10

// worthCompacting reports whether writing the log has taken as many bytes as the snapshot
// has (store.WrittenBytes). A compaction writes a new snapshot, of at most the bytes of the
// old one and the log together, and copies the log once. So compactions write about as
// much as a log of keystrokes did, and at most three times as much as a log of large
// updates, however often rooms are loaded and left.
func (l logSize) worthCompacting() bool {
	return store.WrittenBytes(l.records, l.bytes) >= max(minWritten, l.snapshot)
}

// isOneUpdate reports whether one update is all that is stored, which is as good as a
// snapshot.
func (l logSize) isOneUpdate() bool { return l.snapshot == 0 && l.records == 1 }
