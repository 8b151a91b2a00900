package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"weft/server/store"
)

// MaxMentions is how many different mentions one message can have; further ones are
// plain text.
const MaxMentions = 20

const (
	roomMention = "room" // the name that means everybody
	// maxTries is how many @ of a text are looked up: it bounds the work for a text
	// of nothing but @.
	maxTries = 10 * MaxMentions
	maxName  = 128 // bytes of a text that are looked up as a name
)

// Mentions finds the people named in a text: an @ at the start of a word, followed by
// a person's id or name, in any case. Rules:
//
//   - If several names fit, the longest wins ("@Ana Maria" over "@Ana").
//   - A name that two people share means neither; an id always means its person.
//   - @room means everybody.
//   - Each person is returned once, in the order of the text.
//   - Code spans and code blocks are not searched.
func Mentions(text string, people []store.User) []store.Mention {
	names := newNames(people)
	mentions := []store.Mention{}
	seen := map[store.Mention]bool{}
	before := ' '
	mayFence := true
	tries := 0
	for i := 0; i < len(text) && len(mentions) < MaxMentions; {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '`' && before != '\\' {
			size = codeLength(text[i:], &mayFence)
		}
		if r == '@' && !isNameRune(before) && tries < maxTries {
			tries++
			if m, n := names.longest(text[i+1:]); n > 0 {
				if !seen[m] {
					seen[m] = true
					mentions = append(mentions, m)
				}
				size += n
				r = 'x' // the name's end, as a letter
			}
		}
		before = r
		i += size
	}
	return mentions
}

// codeLength returns the length in bytes of the code that s begins with, as clients
// draw it:
//
//	`code` or ``code``   within a line
//	```code```           over any number of lines, not blank
//
// If the code has no end, it is the length of the backticks alone. mayFence is set to
// false once the text has no further end of a code block: searching for one at each
// of its backticks would take quadratic time.
func codeLength(s string, mayFence *bool) int {
	n := len(s) - len(strings.TrimLeft(s, "`"))
	if n >= 3 {
		if *mayFence {
			if end := strings.Index(s[3:], "```"); end >= 0 && strings.TrimSpace(s[3:3+end]) != "" {
				return 3 + end + 3
			} else if end < 0 {
				*mayFence = false
			}
		}
		return n
	}
	line, _, _ := strings.Cut(s[n:], "\n")
	if end := strings.Index(line, s[:n]); end > 0 {
		return n + end + n
	}
	return n
}

// names maps names and ids in lower case to mentions. The zero Mention stands for a
// name that several people have.
type names map[string]store.Mention

func newNames(people []store.User) names {
	byName := names{}
	for _, p := range people {
		key := strings.ToLower(p.Name)
		if other, taken := byName[key]; taken && other.User != p.ID {
			byName[key] = store.Mention{}
		} else {
			byName[key] = store.Mention{User: p.ID}
		}
	}
	for _, p := range people {
		byName[strings.ToLower(p.ID)] = store.Mention{User: p.ID}
	}
	byName[roomMention] = store.Mention{Room: true}
	delete(byName, "")
	return byName
}

// longest returns the longest name at the start of s and its length in bytes, 0 if
// there is none.
func (n names) longest(s string) (found store.Mention, length int) {
	for end := range s {
		if end > maxName {
			break
		}
		if end > 0 && isNameEnd(s, end) {
			if m, ok := n[strings.ToLower(s[:end])]; ok && m != (store.Mention{}) {
				found, length = m, end
			}
		}
	}
	if len(s) <= maxName {
		if m, ok := n[strings.ToLower(s)]; ok && m != (store.Mention{}) {
			found, length = m, len(s)
		}
	}
	return found, length
}

// isNameEnd reports whether a name may end before byte i of s.
func isNameEnd(s string, i int) bool {
	next, _ := utf8.DecodeRuneInString(s[i:])
	last, _ := utf8.DecodeLastRuneInString(s[:i])
	return !isNameRune(next) && !unicode.IsSpace(last)
}

func isNameRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}
