package store

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is how many bytes of a word are searched for; the rest is ignored.
const maxWord = 64

// Word is a word of a text: text[Start:End] in bytes.
type Word struct {
	Start, End int
	// Term is the normalized word, as the search index has it: lower case, without
	// accents, Unicode NFC. It is made of at most the first maxWord bytes of the
	// word, consists of letters, digits and marks, and is never empty.
	Term string
}

// Words splits a text into the words that a search can find, in order: runs of
// letters and digits, and each single character of scripts that put no spaces
// between words (Chinese, Japanese, Thai, …).
func Words(text string) iter.Seq[Word] {
	return func(yield func(Word) bool) {
		for at := 0; at < len(text); {
			r, size := utf8.DecodeRuneInString(text[at:])
			if !isWordRune(r) {
				at += size
				continue
			}
			start := at
			at += size
			for !isUnspaced(r) && at < len(text) {
				next, size := utf8.DecodeRuneInString(text[at:])
				if !isWordRune(next) && !unicode.IsMark(next) || isUnspaced(next) {
					break
				}
				at += size
			}
			if term := normalize(text[start:at]); term != "" && !yield(Word{start, at, term}) {
				return
			}
		}
	}
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// isUnspaced reports whether r belongs to a script that is written without spaces
// between words. All of them begin at or after U+0E00.
func isUnspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// normalize makes a word's Term. It removes only the combining marks of
// U+0300–U+036F (Latin, Greek, Cyrillic): in other scripts marks are vowels.
func normalize(word string) string {
	if len(word) > maxWord {
		word = strings.ToValidUTF8(word[:maxWord], "")
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(word) {
		if r >= 0x0300 && r <= 0x036f {
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return norm.NFC.String(b.String())
}

// Limits of a search.
const (
	MaxQuery   = 200 // characters
	maxPhrases = 16  // further ones are ignored
)

// Query is what to search for: a text matches if it contains all phrases. A
// phrase is the Terms of words that stand next to each other.
type Query struct {
	Phrases [][]string
	// LastIsPrefix says that the last Term also matches longer ones that begin
	// with it.
	LastIsPrefix bool
}

// ParseQuery reads what somebody typed: words, and "several words" in double
// quotes, which make one phrase. Everything but letters and digits only separates
// words; there are no operators. The last word is taken as a prefix, unless it has
// a single character, stands in quotes, or is followed by something.
func ParseQuery(text string) Query {
	var q Query
	add := func(part string) {
		var phrase []string
		end := 0
		for w := range Words(part) {
			phrase, end = append(phrase, w.Term), w.End
		}
		if len(phrase) > 0 && len(q.Phrases) < maxPhrases {
			q.Phrases = append(q.Phrases, phrase)
			q.LastIsPrefix = end == len(part) && utf8.RuneCountInString(phrase[len(phrase)-1]) >= 2
		}
	}
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 { // between quotes
			add(part)
			q.LastIsPrefix = false
			continue
		}
		for word := range strings.FieldsSeq(part) {
			add(word)
		}
		if end, _ := utf8.DecodeLastRuneInString(part); unicode.IsSpace(end) {
			q.LastIsPrefix = false
		}
	}
	return q
}
