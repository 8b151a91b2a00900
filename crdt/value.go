package crdt

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"weft/crdt/lib0"
)

// What arrays and maps hold: any of
//
//	nil, [Undefined], bool, every Go integer and float type, [BigInt], string, []byte,
//	[]any and map[string]any of these   a value: replaced as a whole, never merged
//	[Subdoc]                            a document of its own, by reference
//	[NewText], [NewArray], [NewMap],    a nested type, made in place, which reading
//	[NewXMLElement], [NewXMLText],      gives as a Text, Array, Map, XMLElement,
//	[NewXMLFragment]                    XMLText or XMLFragment
//
// Read back, numbers are int64 where they were written as integers and float64
// otherwise. Strings that are not valid UTF-8 are refused.

// Undefined is JavaScript's undefined, which is not null.
type Undefined = lib0.Undefined

// BigInt is a JavaScript bigint that fits 64 bits; a plain Go integer is a number.
type BigInt = lib0.BigInt

// Subdoc is a document within a document. Only who it is stands here: its content is
// synchronised as a document of its own.
type Subdoc struct {
	GUID string
	// Options as Yjs knows them: gc, autoLoad, meta. They are kept byte for byte while
	// they are not written anew.
	Options map[string]any
}

type (
	// NewText makes a nested text with this content.
	NewText string
	// NewArray makes a nested array of these elements.
	NewArray []any
	// NewMap makes a nested map of these values.
	NewMap map[string]any
	// NewXMLText makes a run of text within XML.
	NewXMLText string
	// NewXMLFragment makes a nested list of XML nodes, which are NewXMLElement,
	// NewXMLText and NewXMLFragment.
	NewXMLFragment []any
	// NewXMLElement makes an XML element. Attributes are strings as a rule.
	NewXMLElement struct {
		Name       string
		Attributes map[string]any
		Children   []any // as in NewXMLFragment
	}
)

// ErrValue refuses a value that a document cannot hold at this place.
var ErrValue = errors.New("crdt: not a value for this place")

// content is an item to be: encoded and checked, without a place.
type content struct {
	kind   kind
	length uint64
	data   []byte // as content.go lists it

	// Of kindType.
	shape    uint8
	name     string
	children []content
	keys     []keyedContent
}

type keyedContent struct {
	key string
	content
}

// size is how many units and bytes c and all that is in it have.
func (c *content) size() (units uint64, bytes int) {
	units, bytes = c.length, len(c.data)+len(c.name)
	for i := range c.children {
		u, b := c.children[i].size()
		units, bytes = units+u, bytes+b
	}
	for i := range c.keys {
		u, b := c.keys[i].size()
		units, bytes = units+u, bytes+b+len(c.keys[i].key)
	}
	return units, bytes
}

// textContent encodes a run of text.
func textContent(s string) (content, error) {
	if !utf8.ValidString(s) {
		return content{}, ErrUTF8
	}
	return content{kind: kindString, data: []byte(s), length: uint64(utf16Len([]byte(s)))}, nil
}

// listContents encodes values of a list: neighbouring plain ones become one item.
func listContents(values []any, depth int) (cs []content, err error) {
	for _, v := range values {
		c, err := valueContent(v, depth)
		if err != nil {
			return nil, err
		}
		if n := len(cs); c.kind == kindAny && n > 0 && cs[n-1].kind == kindAny {
			cs[n-1].data = append(cs[n-1].data, c.data...)
			cs[n-1].length++
			continue
		}
		cs = append(cs, c)
	}
	return cs, nil
}

// nodeContents encodes children of an XML type.
func nodeContents(nodes []any, depth int) ([]content, error) {
	for _, n := range nodes {
		switch n.(type) {
		case NewXMLElement, NewXMLText, NewXMLFragment:
		default:
			return nil, fmt.Errorf("%w: %T among XML nodes", ErrValue, n)
		}
	}
	return listContents(nodes, depth)
}

// keyContents encodes the values of a map, sorted by key.
func keyContents(values map[string]any, depth int) (cs []keyedContent, err error) {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if !utf8.ValidString(key) {
			return nil, ErrUTF8
		}
		c, err := valueContent(values[key], depth)
		if err != nil {
			return nil, err
		}
		cs = append(cs, keyedContent{key, c})
	}
	return cs, nil
}

// valueContent encodes one value.
func valueContent(v any, depth int) (c content, err error) {
	if depth == 0 {
		return c, lib0.ErrDepth
	}
	c.kind, c.length = kindType, 1
	switch v := v.(type) {
	case []byte:
		return content{kind: kindBinary, length: 1, data: lib0.AppendVarBytes(nil, v)}, nil
	case Subdoc:
		return subdocContent(v)
	case NewText:
		return c.withText(shapeText, string(v))
	case NewXMLText:
		return c.withText(shapeXMLText, string(v))
	case NewArray:
		c.shape = shapeArray
		c.children, err = listContents(v, depth-1)
		return c, err
	case NewMap:
		c.shape = shapeMap
		c.keys, err = keyContents(v, depth-1)
		return c, err
	case NewXMLFragment:
		c.shape = shapeXMLFragment
		c.children, err = nodeContents(v, depth-1)
		return c, err
	case NewXMLElement:
		if !utf8.ValidString(v.Name) {
			return c, ErrUTF8
		}
		c.shape, c.name = shapeXMLElement, v.Name
		if c.children, err = nodeContents(v.Children, depth-1); err == nil {
			c.keys, err = keyContents(v.Attributes, depth-1)
		}
		return c, err
	}
	if err := checkUTF8(v); err != nil {
		return c, err
	}
	c.kind = kindAny
	c.data, err = lib0.AppendAny(nil, v)
	return c, err
}

func (c content) withText(shape uint8, s string) (content, error) {
	c.shape = shape
	run, err := textContent(s)
	if err == nil && run.length > 0 {
		c.children = []content{run}
	}
	return c, err
}

// subdocContent writes the options that Yjs knows in the order of Yjs.
func subdocContent(v Subdoc) (content, error) {
	if !utf8.ValidString(v.GUID) {
		return content{}, ErrUTF8
	}
	if err := checkUTF8(v.Options); err != nil {
		return content{}, err
	}
	order := func(key string) int { return slices.Index([]string{"meta", "autoLoad", "gc"}, key) }
	keys := slices.SortedFunc(maps.Keys(v.Options), func(a, b string) int {
		return cmp.Or(order(b)-order(a), strings.Compare(a, b))
	})
	b := lib0.AppendVarString(nil, v.GUID)
	b = lib0.AppendUvarint(append(b, lib0.TagObject), uint64(len(keys)))
	for _, key := range keys {
		var err error
		if b, err = lib0.AppendAny(lib0.AppendVarString(b, key), v.Options[key]); err != nil {
			return content{}, err
		}
	}
	// An object is one level deeper than what is in it.
	if r := lib0.NewReader(b); len(b) > 0 {
		r.VarBytes() //nolint:errcheck // written above
		if err := r.SkipAny(); err != nil {
			return content{}, err
		}
	}
	return content{kind: kindDoc, length: 1, data: b}, nil
}

// plainValue finds strings within v that are not valid UTF-8.
func checkUTF8(v any) error {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			return ErrUTF8
		}
	case []any:
		for _, element := range v {
			if err := checkUTF8(element); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, value := range v {
			if !utf8.ValidString(key) {
				return ErrUTF8
			}
			if err := checkUTF8(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// put writes c between two neighbours of the list, 0 at its ends, and what is in it;
// it returns the item that now holds it and ends with it.
func (w *writer) insertBetween(left, right ref, c *content) ref {
	return w.write(left, right, nil, c)
}

// set writes c as the value of a key.
func (w *writer) setKey(key string, c *content) {
	last := ref(0)
	if k := w.s.names.lookup(key); k != 0 && w.t != 0 {
		last = w.s.last(w.t, k)
	}
	w.write(last, 0, &key, c)
}

func (w *writer) write(left, right ref, key *string, c *content) ref {
	s, d := w.s, w.tx.doc
	it := wire{
		kind: c.kind, client: d.client, clock: s.state(d.client), length: c.length, content: c.data,
		shape: c.shape, name: []byte(c.name),
		rooted: !w.nested, root: []byte(w.root), parent: w.unit,
	}
	if left != 0 {
		it.info |= infoOrigin
		it.origin = s.lastID(left)
	}
	if right != 0 {
		it.info |= infoRightOrigin
		it.rightOrigin = s.firstID(right)
	}
	if key != nil {
		it.info |= infoKey
		it.key = []byte(*key)
	}
	w.tx.integrate(&it, 0)
	r := s.findItem(ID{d.client, it.clock})
	if w.t == 0 {
		w.t = s.parentOf(r)
	}
	if c.kind == kindType {
		w.writeNested(r, c)
	}
	return r
}

// fill writes what is in the nested type that r holds.
func (w *writer) writeNested(r ref, c *content) {
	n := &writer{tx: w.tx, s: w.s, t: w.s.nested(r), unit: w.s.firstID(r), nested: true}
	left := ref(0)
	for i := range c.children {
		left = n.insertBetween(left, 0, &c.children[i])
	}
	for i := range c.keys {
		n.setKey(c.keys[i].key, &c.keys[i].content)
	}
}

// room tells whether there is room for contents.
func (w *writer) checkSize(cs ...content) error {
	units, bytes := uint64(0), 0
	for i := range cs {
		u, b := cs[i].size()
		units, bytes = units+u, bytes+b
	}
	return w.tx.doc.mayWrite(bytes, units)
}
