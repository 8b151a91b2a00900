package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"weft/server/auth"
	"weft/server/store"
)

// SearchQuery is what to search for in a room.
type SearchQuery struct {
	Text   string    // as a person typed it, at most store.MaxQuery characters; see store.ParseQuery
	Before store.Seq // only messages with a lower seq; 0: not set
	Limit  int       // 0 means 20, at most 100
}

// Found is a message that a search has found.
type Found struct {
	Message store.Message `json:"message"`
	Snippet Snippet       `json:"snippet"`
}

// Snippet is the part of a message's text that a search has found.
type Snippet struct {
	Text string `json:"text"` // one line; with … where it was cut
	// Marks are the words that were searched for, as [start, length] in Text, in
	// UTF-16 code units.
	Marks [][2]int `json:"marks"`
}

const (
	searchTime    = 3 * time.Second // of one search
	searches      = 2               // under way at once: readers are shared with all else
	snippetRunes  = 160
	snippetBefore = 40 // of those, before the first word that was found
)

// Search finds messages of a room that have all words of a query, newest first.
// It waits while two other searches are running, 3 s at most.
func (s *Service) Search(ctx context.Context, reader auth.Identity, room store.RoomID, query SearchQuery) ([]Found, error) {
	if reader.Role(string(room)) < auth.Read {
		return nil, ErrForbidden
	}
	if !utf8.ValidString(query.Text) || utf8.RuneCountInString(query.Text) > store.MaxQuery {
		return nil, fmt.Errorf("%w: a query has %d characters at most", ErrInvalid, store.MaxQuery)
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	select {
	case s.searching <- struct{}{}:
		defer func() { <-s.searching }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	q := store.ParseQuery(query.Text)
	messages, err := s.c.Store.Search(ctx, room, store.SearchPage{Query: q, Before: query.Before, Limit: query.Limit})
	if err != nil {
		if ctx.Err() != nil { // what a store makes of it is its own business
			err = ctx.Err()
		}
		return nil, err
	}
	found := make([]Found, len(messages))
	for i, m := range messages {
		found[i] = Found{m, snippet(m.Text, q)}
	}
	return found, nil
}

// snippet cuts a text around the first word that was searched for.
func snippet(text string, q store.Query) Snippet {
	wanted := wordsOf(q)
	var hits []store.Word
	for w := range store.Words(text) {
		if wanted(w.Term) {
			hits = append(hits, w)
		}
	}
	start := 0
	if len(hits) > 0 {
		start = back(text, hits[0].Start, snippetBefore)
	}
	end := start + len(first(text[start:], snippetRunes))
	var b strings.Builder
	s := Snippet{Marks: [][2]int{}}
	units := 0 // of UTF-16, in b
	put := func(part string) {
		for _, r := range part {
			if unicode.IsControl(r) {
				r = ' '
			}
			b.WriteRune(r)
			units += utf16.RuneLen(r)
		}
	}
	if start > 0 {
		put("…")
	}
	at := start
	for _, w := range hits {
		if w.Start < start || w.End > end {
			continue
		}
		put(text[at:w.Start])
		from := units
		put(text[w.Start:w.End])
		s.Marks = append(s.Marks, [2]int{from, units - from})
		at = w.End
	}
	put(text[at:end])
	if end < len(text) {
		put("…")
	}
	s.Text = b.String()
	return s
}

// wordsOf tells whether a word's form is one of a query's.
func wordsOf(q store.Query) func(form string) bool {
	words := slices.Concat(q.Phrases...)
	return func(form string) bool {
		for i, w := range words {
			if form == w || q.LastIsPrefix && i == len(words)-1 && strings.HasPrefix(form, w) {
				return true
			}
		}
		return false
	}
}

// back returns where the word begins that stands n characters before byte i, or
// the next one.
func back(text string, i, n int) int {
	start := i
	for ; n > 0 && start > 0; n-- {
		_, size := utf8.DecodeLastRuneInString(text[:start])
		start -= size
	}
	if start == 0 {
		return 0
	}
	if space := strings.IndexFunc(text[start:i], unicode.IsSpace); space >= 0 {
		_, size := utf8.DecodeRuneInString(text[start+space:])
		return start + space + size
	}
	return start
}

// first returns the first n characters of text.
func first(text string, n int) string {
	for i := range text {
		if n == 0 {
			return text[:i]
		}
		n--
	}
	return text
}
