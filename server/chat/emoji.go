package chat

import (
	"unicode"
	"unicode/utf8"
)

// maxEmoji is the longest emoji that is accepted, in bytes. The longest in use have
// 35: two people with skin tones and a heart between them.
const maxEmoji = 64

// Characters that emoji are composed with; the names are Unicode's.
const (
	zeroWidthJoiner   = '\u200d'
	emojiPresentation = '\ufe0f' // variation selector-16
	enclosingKeycap   = '\u20e3'
	cancelTag         = '\U000e007f'
)

// isEmoji reports whether s is one emoji: something that clients show as a single
// picture. It follows the grammar of UTS #51, "Unicode Emoji", section 1.4.9, but
// accepts any symbol where that demands one with the property Emoji:
//
//	emoji    = keycap | flag | sequence
//	keycap   = [0-9#*] U+FE0F? U+20E3
//	flag     = regional-indicator regional-indicator
//	sequence = element (U+200D element)*
//	element  = symbol U+FE0F? skin-tone? (tag+ cancel-tag)?
func isEmoji(s string) bool {
	if s == "" || len(s) > maxEmoji || !utf8.ValidString(s) {
		return false
	}
	r := []rune(s)
	switch {
	case isKeycapBase(r[0]):
		return isKeycap(r)
	case isRegional(r[0]):
		return len(r) == 2 && isRegional(r[1])
	}
	for {
		n := elementLength(r)
		switch {
		case n == 0:
			return false
		case n == len(r):
			return true
		case r[n] != zeroWidthJoiner:
			return false
		}
		r = r[n+1:]
	}
}

// isKeycap reports whether r, which begins with a keycap's base, is a keycap.
func isKeycap(r []rune) bool {
	return len(r) == 2 && r[1] == enclosingKeycap || len(r) == 3 && r[1] == emojiPresentation && r[2] == enclosingKeycap
}

// elementLength returns how many runes the element at the start of r has, 0 if r
// does not begin with one.
func elementLength(r []rune) int {
	if len(r) == 0 || !isSymbol(r[0]) {
		return 0
	}
	n := 1
	if n < len(r) && r[n] == emojiPresentation {
		n++
	}
	if n < len(r) && isSkinTone(r[n]) {
		n++
	}
	tags := n
	for n < len(r) && isTag(r[n]) {
		n++
	}
	if n == tags {
		return n
	}
	if r[n-1] != cancelTag || n == tags+1 {
		return 0 // tags must be there and be ended
	}
	return n
}

func isKeycapBase(r rune) bool { return '0' <= r && r <= '9' || r == '#' || r == '*' }
func isRegional(r rune) bool   { return '\U0001f1e6' <= r && r <= '\U0001f1ff' }
func isSkinTone(r rune) bool   { return '\U0001f3fb' <= r && r <= '\U0001f3ff' }
func isTag(r rune) bool        { return '\U000e0020' <= r && r <= cancelTag }

// isSymbol reports whether an element may begin with r: a symbol of the blocks that
// emoji are in, or one of the few emoji among punctuation and letters.
func isSymbol(r rune) bool {
	switch {
	case r == '‼' || r == '⁉' || r == '〰' || r == '〽' || r == 'ℹ' || r == '©' || r == '®':
		return true
	case isRegional(r):
		return false
	case '\u2100' <= r && r <= '\u2bff', '\u3200' <= r && r <= '\u32ff', '\U0001f000' <= r && r <= '\U0001faff':
		return unicode.Is(unicode.So, r) || unicode.Is(unicode.Sm, r) || isSkinTone(r)
	}
	return false
}
