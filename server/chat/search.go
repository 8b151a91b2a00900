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
	"weft/server/internal/text"
	"weft/server/store"
)

// SearchQuery is what to search for in a room.
type SearchQuery struct {
	Text   string    // as a person typed it, at most store.MaxQuery characters; see store.ParseQuery
	Before store.Seq // only messages with a lower seq; 0: not set
	Limit  int       // 0 means 20, at most 100
}

// Found is a message that a search has found, with the part that matches.
type Found struct {
	Message store.Message `json:"message"`
	Snippet Snippet       `json:"snippet"`
}

// Snippet is the part of a message's text around the first word that matches.
type Snippet struct {
	Text string `json:"text"` // one line, at most 160 characters, with … where it was cut
	// Marks are the words in Text that match, in order: [start, length] in UTF-16
	// code units, as JavaScript counts them.
	Marks [][2]int `json:"marks"`
}

const (
	searchTimeout = 3 * time.Second // of one search, waiting included
	maxSearches   = 2               // at once: all else needs the store's reading connections too
	snippetRunes  = 160             // characters of a snippet
	snippetBefore = 40              // of them, before the first word that matches
)

// Search finds the messages of a room that match a query, the newest first. It
// waits while two other searches run. Waiting and searching end after 3 s with
// context.DeadlineExceeded.
//
// Errors: ErrForbidden, ErrInvalid (the query is too long or not UTF-8).
func (s *Service) Search(ctx context.Context, reader auth.Identity, room store.RoomID, query SearchQuery) ([]Found, error) {
	if reader.Role(string(room)) < auth.Read {
		return nil, ErrForbidden
	}
	if !utf8.ValidString(query.Text) || utf8.RuneCountInString(query.Text) > store.MaxQuery {
		return nil, fmt.Errorf("%w: a query has %d characters at most", ErrInvalid, store.MaxQuery)
	}
	ctx, cancel := context.WithTimeout(ctx, searchTimeout)
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
		if ctx.Err() != nil { // the store may have turned it into an error of its own
			err = ctx.Err()
		}
		return nil, err
	}
	found := make([]Found, len(messages))
	for i, m := range messages {
		found[i] = Found{m, makeSnippet(m.Text, q)}
	}
	return found, nil
}

// makeSnippet cuts body around the first word that matches q, and marks all that do.
// Control characters, line feeds among them, become spaces.
func makeSnippet(body string, q store.Query) Snippet {
	matches := matcher(q)
	var hits []store.Word
	for w := range store.Words(body) {
		if matches(w.Term) {
			hits = append(hits, w)
		}
	}
	start := 0
	if len(hits) > 0 {
		start = wordStartBefore(body, hits[0].Start, snippetBefore)
	}
	end := start + len(text.First(body[start:], snippetRunes))
	var b strings.Builder
	s := Snippet{Marks: [][2]int{}}
	units := 0 // length of b in UTF-16 code units
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
		put(body[at:w.Start])
		from := units
		put(body[w.Start:w.End])
		s.Marks = append(s.Marks, [2]int{from, units - from})
		at = w.End
	}
	put(body[at:end])
	if end < len(body) {
		put("…")
	}
	s.Text = b.String()
	return s
}

// matcher returns a function that reports whether a term is one of a query's.
func matcher(q store.Query) func(term string) bool {
	terms := slices.Concat(q.Phrases...)
	return func(term string) bool {
		for i, want := range terms {
			if term == want || q.LastIsPrefix && i == len(terms)-1 && strings.HasPrefix(term, want) {
				return true
			}
		}
		return false
	}
}

// wordStartBefore returns the byte in text, at most n characters before byte i, where
// the first whole word begins. It is the byte n characters before i if no space
// stands between the two.
func wordStartBefore(text string, i, n int) int {
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
