package awareness

import (
	"bytes"
	"encoding/json"
)

// Person is whom a server knows to be behind a client.
type Person struct {
	ID   string
	Name string // empty: the client's own word stands
	// Color is shown if the client names none, or one that is no #rrggbb.
	Color string
	// Clean makes a name that the client chose fit to show; used if Name is
	// empty. nil leaves it as it is.
	Clean func(string) string

	said, made []byte // the field when it was last stamped, and what became of it
}

// Stamp puts the person into the field "user" of a state, where the bindings of
// Yjs editors look for name and color. What the client says there besides stays,
// so does the rest of the state, byte for byte. A state without the field gets
// one if the person has a name.
//
// Colours reach style attributes in some editors, so nothing but #rrggbb passes
// (colorLight: #rrggbbaa too).
//
// Most states differ from the last in a caret only, so the field is made anew
// only when it has changed. Not for concurrent use.
func (p *Person) Stamp(state []byte) []byte {
	said, rest := cutField(state, "user")
	if said == nil && p.Name == "" {
		return state
	}
	if p.made == nil || !bytes.Equal(said, p.said) {
		p.said, p.made = bytes.Clone(said), p.user(said)
	}
	return appendField(rest, "user", p.made)
}

// user returns the field's value: an object with what is known put in.
func (p *Person) user(said []byte) []byte {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(said, &fields); err != nil || fields == nil {
		fields = map[string]json.RawMessage{}
	}
	fields["id"] = quote(p.ID)
	if name := p.Name; name != "" {
		fields["name"] = quote(name)
	} else if chosen, ok := text(fields["name"]); ok {
		if p.Clean != nil {
			chosen = p.Clean(chosen)
		}
		fields["name"] = quote(chosen)
	} else {
		delete(fields, "name")
	}
	if color, ok := text(fields["color"]); !ok || !isColor(color, 7) {
		fields["color"] = quote(p.Color)
	}
	if color, ok := text(fields["colorLight"]); !ok || !isColor(color, 7) && !isColor(color, 9) {
		delete(fields, "colorLight")
	}
	return encode(fields)
}

// text returns a field's string.
func text(v json.RawMessage) (s string, ok bool) {
	return s, len(v) > 0 && v[0] == '"' && json.Unmarshal(v, &s) == nil
}

func quote(s string) json.RawMessage { return encode(s) }

// encode does not escape for HTML: a state must not grow sixfold on its way.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("awareness: parts of valid JSON make invalid JSON: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func isColor(s string, length int) bool {
	if len(s) != length || s[0] != '#' {
		return false
	}
	for _, c := range []byte(s[1:]) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return true
}

// cutField takes the fields of a name out of a valid JSON object, and returns
// the value of the last, which is the one that counts in a browser, or nil.
// What is returned may be views into object.
func cutField(object []byte, name string) (value, rest []byte) {
	var cut [][2]int // from the name to behind the comma or the value
	i := skipSpace(object, 1)
	for object[i] != '}' {
		from := i
		i = skipValue(object, i)
		key := object[from:i]
		i = skipSpace(object, skipSpace(object, i)+1) // the colon
		begin := i
		i = skipValue(object, i)
		end := i
		if i = skipSpace(object, i); object[i] == ',' {
			i = skipSpace(object, i+1)
		}
		if isName(key, name) {
			value = object[begin:end]
			cut = append(cut, [2]int{from, i})
		}
	}
	if cut == nil {
		return nil, object
	}
	rest = make([]byte, 0, len(object))
	at := 0
	for _, c := range cut {
		rest = append(rest, object[at:c[0]]...)
		at = c[1]
	}
	rest = append(rest, object[at:]...)
	return value, rest
}

// isName compares a quoted field name.
func isName(quoted []byte, name string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	s, ok := text(quoted)
	return ok && s == name
}

// appendField returns object with one more field, which it must not have. It may
// end with a comma that a cut has left.
func appendField(object []byte, name string, value []byte) []byte {
	out := make([]byte, 0, len(object)+len(name)+len(value)+4)
	out = append(out, bytes.TrimRight(object[:len(object)-1], " \t\r\n,")...)
	if len(out) > 1 {
		out = append(out, ',')
	}
	out = append(append(append(out, '"'), name...), '"', ':')
	return append(append(out, value...), '}')
}

func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// skipValue returns where the value at i ends. It trusts that b is valid JSON.
func skipValue(b []byte, i int) int {
	level := 0
	for {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			i++
		case '{', '[':
			level++
			i++
			continue
		case '}', ']':
			level--
			i++
		case ',', ':', ' ', '\t', '\n', '\r':
			i++
			continue
		default: // a number or a word
			for i < len(b) && bytes.IndexByte([]byte(",:]} \t\r\n"), b[i]) < 0 {
				i++
			}
		}
		if level == 0 {
			return i
		}
	}
}
