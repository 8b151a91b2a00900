package store

import (
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWord is where longer words are cut, in bytes.
const maxWord = 64

// A Word is one of a text: text[Start:End] in bytes. Form is what two words
// have in common that differ in case and accents only.
type Word struct {
	Start, End int
	Form       string
}

// Words are what a search can find of a text, in order: runs of letters and
// digits, and each character alone of scripts that do not put spaces between
// words. A Form has nothing but letters, digits and marks, and is made of at most
// maxWord bytes of the text; it is never empty.
func Words(text string) iter.Seq[Word] {
	return func(yield func(Word) bool) {
		for at := 0; at < len(text); {
			r, size := utf8.DecodeRuneInString(text[at:])
			if !inWord(r) {
				at += size
				continue
			}
			start := at
			at += size
			for !unspaced(r) && at < len(text) {
				next, size := utf8.DecodeRuneInString(text[at:])
				if !inWord(next) && !unicode.IsMark(next) || unspaced(next) {
					break
				}
				at += size
			}
			if form := fold(text[start:at]); form != "" && !yield(Word{start, at, form}) {
				return
			}
		}
	}
}

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// unspaced tells whether r is of a script that is written without spaces.
func unspaced(r rune) bool {
	return r >= 0x0e00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// fold drops case, and the accents of scripts whose readers search without.
func fold(word string) string {
	if len(word) > maxWord {
		end := maxWord
		for !utf8.RuneStart(word[end]) {
			end--
		}
		word = word[:end]
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(word) {
		if r >= 0x0300 && r <= 0x036f { // combining diacritical marks
			continue
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return norm.NFC.String(b.String())
}

// Limits of a search.
const (
	MaxQuery   = 200 // characters
	maxPhrases = 16
)

// Query is what is searched for: each phrase is words that stand next to each
// other, and all phrases must be there. Its words are Forms.
type Query struct {
	Phrases [][]string
	// Open says that the last word may be the beginning of a longer one.
	Open bool
}

// ParseQuery reads what somebody typed: words, and "several words" in quotes.
// What has neither letters nor digits means nothing. The last word is taken to
// be unfinished, unless something follows it or it is very short.
func ParseQuery(text string) Query {
	var q Query
	add := func(part string) {
		var phrase []string
		end := 0
		for w := range Words(part) {
			phrase, end = append(phrase, w.Form), w.End
		}
		if len(phrase) > 0 && len(q.Phrases) < maxPhrases {
			q.Phrases = append(q.Phrases, phrase)
			q.Open = end == len(part) && utf8.RuneCountInString(phrase[len(phrase)-1]) >= 2
		}
	}
	for i, part := range strings.Split(text, `"`) {
		if i%2 == 1 {
			add(part)
			q.Open = false
			continue
		}
		for word := range strings.FieldsSeq(part) {
			add(word)
		}
		if end, _ := utf8.DecodeLastRuneInString(part); unicode.IsSpace(end) {
			q.Open = false
		}
	}
	return q
}
