package store

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RoomID names a room:
//
//   - 1 to 128 bytes of UTF-8
//   - no control characters
//   - segments separated by slashes; no segment is empty, "." or ".."
//
// So it neither begins nor ends with a slash. A room id is never used as a file name, nor
// unescaped in a key of another system, such as Redis.
type RoomID string

// MaxRoomID is the longest room id, in bytes.
const MaxRoomID = 128

// ErrRoomID is wrapped by the errors of [ParseRoomID].
var ErrRoomID = errors.New("store: bad room id")

// ParseRoomID returns s as a room id, or an error that wraps [ErrRoomID]. A caller that has
// s from a URL decodes its percent escapes first, once.
func ParseRoomID(s string) (RoomID, error) {
	switch {
	case s == "":
		return "", fmt.Errorf("%w: it is empty", ErrRoomID)
	case len(s) > MaxRoomID:
		return "", fmt.Errorf("%w: %d bytes, the limit is %d", ErrRoomID, len(s), MaxRoomID)
	case !utf8.ValidString(s):
		return "", fmt.Errorf("%w: it is not UTF-8", ErrRoomID)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", fmt.Errorf("%w: it has a control character", ErrRoomID)
	}
	for segment := range strings.SplitSeq(s, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return "", fmt.Errorf("%w: %q has an empty or dot segment", ErrRoomID, s)
		}
	}
	return RoomID(s), nil
}
