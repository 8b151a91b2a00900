package store

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// RoomID names a room: 1 to 128 bytes of UTF-8 without control characters,
// without empty, "." or ".." segments, neither beginning nor ending with a
// slash. It never becomes a file name or a raw key elsewhere.
type RoomID string

// MaxRoomID is the longest room id, in bytes.
const MaxRoomID = 128

// ErrRoomID says that a string is no room id.
var ErrRoomID = errors.New("store: bad room id")

// ParseRoomID checks s, which has been percent-decoded once.
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
