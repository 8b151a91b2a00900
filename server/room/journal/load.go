package journal

import (
	"math"
	"time"
)

// load measures how busy the journal is: the number of committed records, each of which
// counts for less as it gets older (exponential decay with the time constant loadTime).
type load struct {
	records    float64
	lastCommit time.Time // when the last commit began
}

const (
	loadTime = 100 * time.Millisecond
	// Up to lowLoad records in loadTime every commit begins at once. From twice as many on
	// it begins MaxGap after the one before.
	lowLoad = 50
	// MaxGap is the longest delay between the beginnings of two commits that makes the
	// second one larger.
	MaxGap = 10 * time.Millisecond
)

// add counts a commit of n records that begins now.
func (l *load) add(n int, now time.Time) {
	if passed := now.Sub(l.lastCommit); passed < 10*loadTime {
		l.records *= math.Exp(-float64(passed) / float64(loadTime))
	} else {
		l.records = 0
	}
	l.records += float64(n)
	l.lastCommit = now
}

// commitGap returns the time from the beginning of the last commit to the beginning of the
// next, from 0 to MaxGap. Waiting pays under load, as an fsync costs the same for one record as
// for a hundred.
func (l *load) commitGap() time.Duration {
	return time.Duration(min(max(l.records/lowLoad-1, 0), 1) * float64(MaxGap))
}
