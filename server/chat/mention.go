package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"weft/server/store"
)

// MaxMentions is how many people one message can mention; further ones are
// plain text.
const MaxMentions = 20

// roomMention is the name that means everybody.
const roomMention = "room"

// Mentions finds the people named in a text: an @ at the start of a word and
// then a person's id or name, whatever its case. Of several that fit, the
// longest counts ("@Ana Maria" over "@Ana"); a name that two people share names
// nobody, an id always does. @room is everybody. Each appears once, in order of
// the text. Code spans and blocks are not looked into.
func Mentions(text string, people []store.User) []store.Mention {
	names := directory(people)
	mentions := []store.Mention{}
	seen := map[store.Mention]bool{}
	before := ' '
	fences := true
	tries := 10 * MaxMentions // bounds the work that a text of nothing but @ makes
	for i := 0; i < len(text) && len(mentions) < MaxMentions; {
		r, size := utf8.DecodeRuneInString(text[i:])
		if r == '`' && before != '\\' {
			size = codeSpan(text[i:], &fences)
		}
		if r == '@' && !wordRune(before) && tries > 0 {
			tries--
			if m, n := names.longest(text[i+1:]); n > 0 {
				if !seen[m] {
					seen[m] = true
					mentions = append(mentions, m)
				}
				size += n
				r = 'x'
			}
		}
		before = r
		i += size
	}
	return mentions
}

// codeSpan returns how long the code is that s begins with, as clients draw it:
// between one or two backticks in a line, or between three anywhere. If none ends
// there, it is the backticks alone. fences is false once no block ends any more.
func codeSpan(s string, fences *bool) int {
	n := len(s) - len(strings.TrimLeft(s, "`"))
	if n >= 3 {
		if *fences {
			if end := strings.Index(s[3:], "```"); end >= 0 && strings.TrimSpace(s[3:3+end]) != "" {
				return 3 + end + 3
			} else if end < 0 {
				*fences = false
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

// names maps folded names to who is meant; the zero Mention is nobody.
type names map[string]store.Mention

func directory(people []store.User) names {
	byName := names{}
	for _, p := range people {
		key := fold(p.Name)
		if other, taken := byName[key]; taken && other.User != p.ID {
			byName[key] = store.Mention{}
		} else {
			byName[key] = store.Mention{User: p.ID}
		}
	}
	for _, p := range people {
		byName[fold(p.ID)] = store.Mention{User: p.ID}
	}
	byName[roomMention] = store.Mention{Room: true}
	delete(byName, "")
	return byName
}

// longest finds the longest name at the start of s and how many bytes it
// takes there; 0 if there is none.
func (n names) longest(s string) (found store.Mention, bytes int) {
	const maxName = 128
	for end := range s {
		if end > maxName {
			break
		}
		if end > 0 && n.ends(s, end) {
			if m, ok := n[fold(s[:end])]; ok && m != (store.Mention{}) {
				found, bytes = m, end
			}
		}
	}
	if len(s) <= maxName {
		if m, ok := n[fold(s)]; ok && m != (store.Mention{}) {
			found, bytes = m, len(s)
		}
	}
	return found, bytes
}

// ends tells whether a word ends at byte i of s.
func (n names) ends(s string, i int) bool {
	next, _ := utf8.DecodeRuneInString(s[i:])
	last, _ := utf8.DecodeLastRuneInString(s[:i])
	return !wordRune(next) && !unicode.IsSpace(last)
}

func wordRune(r rune) bool {
	return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r)
}

func fold(s string) string { return strings.ToLower(s) }
