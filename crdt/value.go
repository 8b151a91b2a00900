package crdt

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"weft/crdt/internal/codec"
	"weft/crdt/lib0"
)

// Arrays and maps hold these Go values:
//
//	nil, [Undefined], bool, every Go integer and float type, [BigInt], string, []byte,
//	[]any and map[string]any of these   a plain value: replaced as a whole, never merged
//	[Subdoc]                            a reference to another document
//	[NewText], [NewArray], [NewMap],    when writing: a nested type with initial content.
//	[NewXMLElement], [NewXMLText],      Reading returns a Text, Array, Map, XMLElement,
//	[NewXMLFragment]                    XMLText or XMLFragment
//
// When read, a number is an int64 if it was encoded as an integer, else a float64. Strings
// that are not valid UTF-8 are refused with ErrUTF8.

// Undefined is JavaScript's undefined, which differs from null.
type Undefined = lib0.Undefined

// BigInt is a JavaScript bigint that fits 64 bits. Go's integer types stand for JavaScript
// numbers instead.
type BigInt = lib0.BigInt

// Subdoc is a reference to a subdocument. Its content is not part of this document: it is
// synchronised as a document of its own, under its GUID.
type Subdoc struct {
	GUID string
	// Options are those of Yjs: gc, autoLoad, meta. Unless they are written again, their
	// encoded bytes never change.
	Options map[string]any
}

type (
	// NewText, written as a value, creates a nested text with this content.
	NewText string
	// NewArray, written as a value, creates a nested array of these elements.
	NewArray []any
	// NewMap, written as a value, creates a nested map with these keys and values.
	NewMap map[string]any
	// NewXMLText, written as an XML node, creates a run of text.
	NewXMLText string
	// NewXMLFragment creates a nested list of XML nodes, which are of type NewXMLElement,
	// NewXMLText or NewXMLFragment.
	NewXMLFragment []any
	// NewXMLElement creates an XML element. Attributes are usually strings, but may be any
	// value that a map holds.
	NewXMLElement struct {
		Name       string
		Attributes map[string]any
		Children   []any // as in NewXMLFragment
	}
)

// ErrValue refuses a value whose type a document cannot hold at this place: see value.go
// for the Go types allowed, [XMLFragment.Insert] for XML nodes and [Text.InsertEmbed] for
// embeds.
var ErrValue = errors.New("crdt: not a value for this place")

// content is the content of an item that is about to be written, encoded and checked. A
// nested type includes all its initial content.
type content struct {
	kind   codec.Kind
	length uint64 // in units
	data   []byte // in the form that content.go lists

	// Set only if kind is kindType:
	shape    uint8
	name     string
	children []content
	keys     []keyedContent
}

type keyedContent struct {
	key string
	content
}

// size returns how many units and bytes c has, initial content of nested types included.
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
	return content{kind: kindString, data: []byte(s), length: uint64(codec.UTF16Len([]byte(s)))}, nil
}

// listContents encodes the values of a list. Neighbouring plain values become one item.
// depth is how deeply nested types and plain values may nest.
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

// nodeContents encodes the children of an XML type.
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
		return c.withText(codec.ShapeText, string(v))
	case NewXMLText:
		return c.withText(codec.ShapeXMLText, string(v))
	case NewArray:
		c.shape = codec.ShapeArray
		c.children, err = listContents(v, depth-1)
		return c, err
	case NewMap:
		c.shape = codec.ShapeMap
		c.keys, err = keyContents(v, depth-1)
		return c, err
	case NewXMLFragment:
		c.shape = codec.ShapeXMLFragment
		c.children, err = nodeContents(v, depth-1)
		return c, err
	case NewXMLElement:
		if !utf8.ValidString(v.Name) {
			return c, ErrUTF8
		}
		c.shape, c.name = codec.ShapeXMLElement, v.Name
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

// withText returns c as a nested text of the given shape with content s.
func (c content) withText(shape uint8, s string) (content, error) {
	c.shape = shape
	run, err := textContent(s)
	if err == nil && run.length > 0 {
		c.children = []content{run}
	}
	return c, err
}

// subdocContent encodes a subdocument. Options that Yjs knows are written first, in the
// order in which Yjs writes them, so that the bytes are equal.
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
	// AppendAny limited the depth of each option; the object around them adds one level.
	if r := lib0.NewReader(b); len(b) > 0 {
		r.VarBytes() //nolint:errcheck // written above
		if err := r.SkipAny(); err != nil {
			return content{}, err
		}
	}
	return content{kind: kindDoc, length: 1, data: b}, nil
}

// checkUTF8 returns ErrUTF8 if a string within the plain value v is not valid UTF-8.
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

// insertBetween writes c, with the initial content of nested types, between two neighbours
// in the list; left and right are 0 at the ends of the list. It returns the item that now
// holds c and ends with it.
func (w *writer) insertBetween(left, right ref, c *content) ref {
	return w.write(left, right, nil, c)
}

// setKey writes c as the value of a key.
func (w *writer) setKey(key string, c *content) {
	last := ref(0)
	if k := w.s.names.lookup(key); k != 0 && w.t != 0 {
		last = w.s.last(w.t, k)
	}
	w.write(last, 0, &key, c)
}

// write integrates a new item with the next clock of the local client. Its origins are the
// last unit of left and the first unit of right.
func (w *writer) write(left, right ref, key *string, c *content) ref {
	s, d := w.s, w.tx.doc
	it := codec.Struct{
		Kind: c.kind, Client: d.client, Clock: s.state(d.client), Length: c.length, Content: c.data,
		Shape: c.shape, Name: []byte(c.name),
		InRoot: !w.nested, Root: []byte(w.root), Parent: codec.ID(w.unit),
	}
	if left != 0 {
		it.Info |= codec.InfoOrigin
		it.Origin = codec.ID(s.lastID(left))
	}
	if right != 0 {
		it.Info |= codec.InfoRightOrigin
		it.RightOrigin = codec.ID(s.firstID(right))
	}
	if key != nil {
		it.Info |= codec.InfoKey
		it.Key = []byte(*key)
	}
	w.tx.integrate(&it, 0)
	r := s.findItem(ID{d.client, it.Clock})
	if w.t == 0 {
		w.t = s.parentOf(r)
	}
	if c.kind == kindType {
		w.writeNested(r, c)
	}
	return r
}

// writeNested writes the initial content of the nested type that r holds.
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

// checkSize returns ErrTooLarge if the document cannot grow by these contents.
func (w *writer) checkSize(cs ...content) error {
	units, bytes := uint64(0), 0
	for i := range cs {
		u, b := cs[i].size()
		units, bytes = units+u, bytes+b
	}
	return w.tx.doc.checkCapacity(bytes, units)
}
