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
	maxQuoteText  = 2000    // characters of each of text, heading and field
	maxQuoteDepth = 8       // objects and arrays within each other
)

// anchor holds the members of a quote that Weft knows:
//
//	text     the quoted text
//	heading  the heading above it
//	field    the root type of the document that the text is in
//	start    relative position (Yjs encodeRelativePosition), base64
//	end      likewise; without it, start is a point
//
// Other members are the application's and are kept.
type anchor struct {
	Text    *string `json:"text"`
	Heading *string `json:"heading"`
	Field   *string `json:"field"`
	Start   *string `json:"start"`
	End     *string `json:"end"`
}

// checkQuote returns an ErrInvalid if a quote is too large or is not what anchor
// describes. nil, which is no quote, is fine.
func checkQuote(quote json.RawMessage) error {
	if quote == nil {
		return nil
	}
	bad := func(why string) error { return fmt.Errorf("%w: quote: %s", ErrInvalid, why) }
	if len(quote) > MaxQuote {
		return bad(fmt.Sprintf("%d bytes, the limit is %d", len(quote), MaxQuote))
	}
	if err := checkNesting(quote); err != nil {
		return bad(err.Error())
	}
	var a anchor
	if err := json.Unmarshal(quote, &a); err != nil {
		return bad("text, heading, field, start and end must be strings")
	}
	for name, s := range map[string]*string{"text": a.Text, "heading": a.Heading, "field": a.Field} {
		if s != nil && utf8.RuneCountInString(*s) > maxQuoteText {
			return bad(fmt.Sprintf("%s has more than %d characters", name, maxQuoteText))
		}
	}
	if (a.Start != nil || a.End != nil) && (a.Start == nil || a.Field == nil) {
		return bad("start needs field, and end needs start")
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
			return bad(name + " is not a Yjs relative position in base64")
		}
	}
	return nil
}

// checkNesting checks that text is one JSON object, nested no deeper than
// maxQuoteDepth, so that every client can read it.
func checkNesting(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	depth := 0
	for first := true; first || depth > 0; first = false {
		token, err := dec.Token()
		if err != nil {
			return errors.New("not JSON")
		}
		switch d, _ := token.(json.Delim); {
		case first && d != '{':
			return errors.New("not a JSON object")
		case d == '{' || d == '[':
			if depth++; depth > maxQuoteDepth {
				return fmt.Errorf("nested deeper than %d", maxQuoteDepth)
			}
		case d == '}' || d == ']':
			depth--
		}
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows the JSON object")
	}
	return nil
}
