package awareness

import (
	"bytes"
	"encoding/json"
)

// Person is the identity that the server stamps into the awareness states of a
// client. Not safe for concurrent use.
type Person struct {
	ID   string // user id
	Name string // display name; empty: the name that the client chose is kept
	// Color, as #rrggbb, is used if the client chose no colour or an invalid one.
	Color string
	// Clean makes a name that the client chose fit to show. It is used if Name is
	// empty; nil keeps the name as it is.
	Clean func(string) string

	in, out []byte // the last field "user", as received and as stamped
}

// Stamp returns the state with the person's id, name and colour in its field "user",
// where the bindings of Yjs editors look for them. Other members of the field are
// kept, and the rest of the state is kept byte for byte. A state without the field
// gets one if the person has a name. state must be a valid JSON object.
//
// Some editors put colours into style attributes, so only #rrggbb is allowed, and
// #rrggbbaa in colorLight.
//
// Most states differ from the last one only in the caret, so the stamped field is
// kept until the received field changes.
func (p *Person) Stamp(state []byte) []byte {
	in, rest := cutField(state, "user")
	if in == nil && p.Name == "" {
		return state
	}
	if p.out == nil || !bytes.Equal(in, p.in) {
		p.in, p.out = bytes.Clone(in), p.stampUser(in)
	}
	return appendField(rest, "user", p.out)
}

// stampUser returns the value of the field "user" with the person in it. in is the
// value that was received; anything but an object is replaced.
func (p *Person) stampUser(in []byte) []byte {
	fields := map[string]json.RawMessage{}
	if err := json.Unmarshal(in, &fields); err != nil || fields == nil {
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

// text returns the string that a JSON value is; ok is false for other types.
func text(v json.RawMessage) (s string, ok bool) {
	return s, len(v) > 0 && v[0] == '"' && json.Unmarshal(v, &s) == nil
}

func quote(s string) json.RawMessage { return encode(s) }

// encode does not escape for HTML: escaping could make a state six times as long.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("awareness: encode a stamped field: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// isColor reports whether s is # and hexadecimal digits, of length bytes in all.
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

// cutField removes all fields of a name from a valid JSON object. It returns the
// value of the last one, which is the one that JSON.parse uses, or nil. The results
// may be slices of object.
func cutField(object []byte, name string) (value, rest []byte) {
	var cut [][2]int // ranges of bytes, from the name to after the comma or the value
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

// isName reports whether a quoted, possibly escaped, field name is name.
func isName(quoted []byte, name string) bool {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1:len(quoted)-1]) == name
	}
	s, ok := text(quoted)
	return ok && s == name
}

// appendField returns object with one more field, which it must not have yet. The
// object may have a comma after its last field, as cutField leaves it.
func appendField(object []byte, name string, value []byte) []byte {
	out := make([]byte, 0, len(object)+len(name)+len(value)+4)
	out = append(out, bytes.TrimRight(object[:len(object)-1], " \t\r\n,")...)
	if len(out) > 1 {
		out = append(out, ',')
	}
	out = append(append(append(out, '"'), name...), '"', ':')
	return append(append(out, value...), '}')
}

// skipSpace returns the index of the first byte from i on that is no white space.
func skipSpace(b []byte, i int) int {
	for b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r' {
		i++
	}
	return i
}

// skipValue returns the index after the value at i. b must be valid JSON.
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
