package sqlite

import (
	"database/sql"
	"time"
)

// millis returns Unix time in milliseconds, as all times are stored.
func millis(t time.Time) int64 { return t.UnixMilli() }

// timeOf is the inverse of millis, in UTC.
func timeOf(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// millisPtr is millis for a time that may be missing: nil becomes NULL.
func millisPtr(t *time.Time) any {
	if t == nil {
		return nil
	}
	return millis(*t)
}

// timePtr is the inverse of millisPtr.
func timePtr(ms sql.NullInt64) *time.Time {
	if !ms.Valid {
		return nil
	}
	t := timeOf(ms.Int64)
	return &t
}
