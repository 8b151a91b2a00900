package chat

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"weft/crdt"
)

// Limits of a quote.
const (
	MaxQuote      = 8 << 10 // bytes of its JSON
	maxQuoteText  = 2000    // characters
	maxQuoteDepth = 8
)

// anchor is what a quote says of its place in the document, and what stood there:
//
//	text     what was quoted
//	heading  under which it stood
//	field    the root type that it is in
//	start    relative position (Yjs encodeRelativePosition), base64
//	end      likewise; without it, start is a point
//
// A quote may have other members, which are the application's.
type anchor struct {
	Text    *string `json:"text"`
	Heading *string `json:"heading"`
	Field   *string `json:"field"`
	Start   *string `json:"start"`
	End     *string `json:"end"`
}

// checkQuote checks a quote; nil is none.
func checkQuote(quote json.RawMessage) error {
	if quote == nil {
		return nil
	}
	bad := func(why string) error { return fmt.Errorf("%w: quote: %s", ErrInvalid, why) }
	if len(quote) > MaxQuote {
		return bad(fmt.Sprintf("it has %d bytes, the limit is %d", len(quote), MaxQuote))
	}
	if err := shallow(quote); err != nil {
		return bad(err.Error())
	}
	var a anchor
	if err := json.Unmarshal(quote, &a); err != nil {
		return bad("it is a JSON object whose text, heading, field, start and end are strings")
	}
	for name, s := range map[string]*string{"text": a.Text, "heading": a.Heading, "field": a.Field} {
		if s != nil && utf8.RuneCountInString(*s) > maxQuoteText {
			return bad(fmt.Sprintf("%s has more than %d characters", name, maxQuoteText))
		}
	}
	if (a.Start != nil || a.End != nil) && (a.Start == nil || a.Field == nil) {
		return bad("a place is a field, a start and perhaps an end")
	}
	for name, s := range map[string]*string{"start": a.Start, "end": a.End} {
		if s == nil {
			continue
		}
		position, err := base64.StdEncoding.DecodeString(*s)
		if err == nil {
			_, err = crdt.DecodePosition(position)
		}
		if err != nil {
			return bad(name + " is no relative position in base64")
		}
	}
	return nil
}

// shallow checks that text is one JSON object that is nested no deeper than
// clients can be asked to read.
func shallow(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	depth := 0
	for first := true; first || depth > 0; first = false {
		token, err := dec.Token()
		if err != nil {
			return errors.New("it is not JSON")
		}
		switch d, _ := token.(json.Delim); {
		case first && d != '{':
			return errors.New("it is not a JSON object")
		case d == '{' || d == '[':
			if depth++; depth > maxQuoteDepth {
				return fmt.Errorf("it is nested deeper than %d", maxQuoteDepth)
			}
		case d == '}' || d == ']':
			depth--
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows it")
	}
	return nil
}
