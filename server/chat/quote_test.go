package chat

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"weft/crdt"
)

func TestQuoteIsChecked(t *testing.T) {
	doc := crdt.New(crdt.Options{ClientID: 7})
	if _, err := doc.InsertText("page", 0, "hello world"); err != nil {
		t.Fatal(err)
	}
	position, err := doc.PositionAt("page", 3, 0)
	if err != nil {
		t.Fatal(err)
	}
	at := base64.StdEncoding.EncodeToString(position.Append(nil))
	for quote, good := range map[string]bool{
		`{}`:                                 true,
		`{"text":"said"}`:                    true,
		`{"text":"said","mine":[1,{"a":2}]}`: true,
		`{"text":"said","heading":"Before Thursday","field":"page","start":"` + at + `","end":"` + at + `"}`: true,
		`{"field":"page","start":"` + at + `"}`:              true,
		`{"text":null}`:                                      true,
		`{"start":"` + at + `"}`:                             false,
		`{"field":"page","end":"` + at + `"}`:                false,
		`{"field":"page","start":"!"}`:                       false,
		`{"field":"page","start":"` + at + `","end":"/w=="}`: false,
		`{"field":"page","start":""}`:                        false,
		`{"field":7}`:                                        false,
		`{"text":["said"]}`:                                  false,
		`[]`:                                                 false,
		`"said"`:                                             false,
		`7`:                                                  false,
		``:                                                   false,
		`{`:                                                  false,
		`{} {}`:                                              false,
		`{"text":"` + strings.Repeat("x", maxQuoteText+1) + `"}`:        false,
		`{"x":"` + strings.Repeat("x", MaxQuote) + `"}`:                 false,
		`{"x":` + strings.Repeat("[", 7) + strings.Repeat("]", 7) + `}`: true,
		`{"x":` + strings.Repeat("[", 8) + strings.Repeat("]", 8) + `}`: false,
	} {
		err := checkQuote(json.RawMessage(quote))
		if (err == nil) != good || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("quote %.100s: error %v; valid: %v", quote, err, good)
		}
	}
	if err := checkQuote(nil); err != nil {
		t.Errorf("no quote: error %v, want none", err)
	}
}

func FuzzQuote(f *testing.F) {
	f.Add([]byte(`{"text":"said","field":"page","start":"AAE=","x":[1]}`))
	f.Fuzz(func(t *testing.T, quote []byte) {
		if checkQuote(quote) == nil && quote != nil && !json.Valid(quote) {
			t.Fatalf("%q is accepted and is not JSON", quote)
		}
	})
}
