package chat

import (
	"unicode"
	"unicode/utf8"
)

// maxEmoji is how many bytes one emoji has at most. The longest that are in use
// have 35: two people with skin tones and a heart between them.
const maxEmoji = 64

// isEmoji tells whether s is one emoji as people see it (UTS #51), or something
// drawn like one: a keycap, a flag, a symbol with what modifies it, or several
// symbols joined into one.
func isEmoji(s string) bool {
	if s == "" || len(s) > maxEmoji || !utf8.ValidString(s) {
		return false
	}
	r := []rune(s)
	switch {
	case keycapBase(r[0]):
		return len(r) == 2 && r[1] == keycap || len(r) == 3 && r[1] == variation && r[2] == keycap
	case regional(r[0]):
		return len(r) == 2 && regional(r[1])
	}
	for i := 0; ; {
		if i >= len(r) || !symbol(r[i]) {
			return false
		}
		i++
		if i < len(r) && r[i] == variation {
			i++
		}
		if i < len(r) && skin(r[i]) {
			i++
		}
		if tagged := i; i < len(r) && tag(r[i]) {
			for i < len(r) && tag(r[i]) {
				i++
			}
			if r[i-1] != cancelTag || i == tagged+1 {
				return false
			}
		}
		if i == len(r) {
			return true
		}
		if r[i] != joiner {
			return false
		}
		i++
	}
}

const (
	joiner    = '\u200d'
	variation = '\ufe0f'
	keycap    = '\u20e3'
	cancelTag = '\U000e007f'
)

func keycapBase(r rune) bool { return '0' <= r && r <= '9' || r == '#' || r == '*' }
func regional(r rune) bool   { return '\U0001f1e6' <= r && r <= '\U0001f1ff' }
func skin(r rune) bool       { return '\U0001f3fb' <= r && r <= '\U0001f3ff' }
func tag(r rune) bool        { return '\U000e0020' <= r && r <= cancelTag }

// symbol tells whether an emoji may begin with r.
func symbol(r rune) bool {
	switch {
	case r == '‼' || r == '⁉' || r == '〰' || r == '〽' || r == 'ℹ' || r == '©' || r == '®':
		return true
	case regional(r):
		return false
	case '\u2100' <= r && r <= '\u2bff', '\u3200' <= r && r <= '\u32ff', '\U0001f000' <= r && r <= '\U0001faff':
		return unicode.Is(unicode.So, r) || unicode.Is(unicode.Sm, r) || skin(r)
	}
	return false
}
