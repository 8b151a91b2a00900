// Package text cuts strings without splitting a character. A character is a
// Unicode code point; an invalid byte counts as one.
package text

// First returns the first n characters of s, or all of s if it has no more.
func First(s string, n int) string {
	if n <= 0 {
		return ""
	}
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// Shorten returns s if it has at most n characters, else its first n characters
// and an ellipsis.
func Shorten(s string, n int) string {
	if cut := First(s, n); len(cut) < len(s) {
		return cut + "…"
	}
	return s
}
