package crdt

import "weft/crdt/internal/jsvalue"

// XMLFragment is a view of a type as a list of XML nodes: XMLElement, XMLText, nested
// XMLFragment (Yjs: Y.XmlFragment). Editors such as ProseMirror store their document in
// one. Indices and lengths count child nodes.
//
// If a type that holds other content is viewed as XML, plain text reads as a run of text,
// and other values as JavaScript's String converts them.
type XMLFragment struct{ Type }

// XMLElement is a view of a nested XML element: a name, attributes, child nodes (Yjs:
// Y.XmlElement). Attributes are usually strings, but may be any value.
type XMLElement struct{ XMLFragment }

// XMLText is a view of a run of text within XML (Yjs: Y.XmlText). It is edited as Text;
// only String and Markup differ, which write formatting as elements.
type XMLText struct{ Text }

// Insert inserts nodes before the child at index: values of type [NewXMLElement],
// [NewXMLText] and [NewXMLFragment]. Errors: those of [Array.Insert]; ErrValue for values
// of other types.
func (f XMLFragment) Insert(tx *Tx, index int, nodes ...any) error {
	return tx.insertList(f.Type, index, nodes, nodeContents)
}

// Push inserts nodes behind the last child. Errors: those of Insert.
func (f XMLFragment) Push(tx *Tx, nodes ...any) error { return f.Insert(tx, f.Length(), nodes...) }

// Delete deletes length children, starting with the one at index. Errors: ErrRange, and
// the errors of every edit: ErrClosed, ErrGone.
func (f XMLFragment) Delete(tx *Tx, index, length int) error {
	return tx.deleteList(f.Type, index, length)
}

// Get returns the child at index, an XMLElement, XMLText or XMLFragment, and false if
// index is out of range.
func (f XMLFragment) Get(index int) (any, bool) { return f.AsArray().Get(index) }

// Children returns all child nodes.
func (f XMLFragment) Children() []any { return f.AsArray().Values() }

// String returns the content as XML, character for character as Yjs's toString: names of
// elements in lower case, attributes sorted by name, nothing escaped. If the content nests
// too deeply, it returns the text of the error. The result is for comparisons, not for
// browsers; see Markup.
func (f XMLFragment) String() string { return xmlString(f.Type) }

// Markup returns the content as well-formed XML. It is like String, except that text and
// attributes are escaped, and attributes and tags whose name is not valid in XML are left
// out; the children of such an element are still written. Markup is not sanitised: a
// browser may run scripts in it. Errors: ErrTooDeep.
func (f XMLFragment) Markup() (string, error) {
	b, err := f.doc.store.xmlOf(f.ref(), xmlEscaped)
	return string(b), err
}

// MarshalJSON returns String as a JSON string, as Yjs's toJSON does. Errors: ErrTooDeep.
func (f XMLFragment) MarshalJSON() ([]byte, error) { return f.marshalXML() }

// Name returns the element's node name as it was written, and "" if the element is not in
// the document any more.
func (e XMLElement) Name() string {
	t := e.ref()
	if !e.nested || t == 0 {
		return ""
	}
	return e.doc.store.nameOf(t)
}

// Attribute returns the value of an attribute, and false if it is not set.
func (e XMLElement) Attribute(name string) (any, bool) { return e.AsMap().Get(name) }

// Attributes returns all attributes by name.
func (e XMLElement) Attributes() map[string]any {
	all := map[string]any{}
	for name, value := range e.AsMap().All() {
		all[name] = value
	}
	return all
}

// SetAttribute sets an attribute; see [Map.Set] for values and errors.
func (e XMLElement) SetAttribute(tx *Tx, name string, value any) error {
	return e.AsMap().Set(tx, name, value)
}

// RemoveAttribute removes an attribute; see [Map.Delete].
func (e XMLElement) RemoveAttribute(tx *Tx, name string) error { return e.AsMap().Delete(tx, name) }

// NextSibling returns the node behind this one, and false if this is the last child.
func (e XMLElement) NextSibling() (any, bool) { return e.sibling((*store).next) }

// PrevSibling returns the node in front of this one, and false if this is the first child.
func (e XMLElement) PrevSibling() (any, bool) { return e.sibling((*store).prev) }

// NextSibling returns the node behind this one, and false if this is the last child.
func (t XMLText) NextSibling() (any, bool) { return t.sibling((*store).next) }

// PrevSibling returns the node in front of this one, and false if this is the first child.
func (t XMLText) PrevSibling() (any, bool) { return t.sibling((*store).prev) }

// String returns the text with formatting as elements around it, nothing escaped, character
// for character as Yjs's toString. t.Text.String() returns the plain text.
func (t XMLText) String() string { return xmlString(t.Type) }

// Markup returns the text as well-formed XML; see [XMLFragment.Markup].
func (t XMLText) Markup() (string, error) { return t.AsXML().Markup() }

// MarshalJSON returns String as a JSON string, as Yjs's toJSON does. Errors: ErrTooDeep.
func (t XMLText) MarshalJSON() ([]byte, error) { return t.marshalXML() }

// xmlString returns t as XML in Yjs's form, or the text of the error.
func xmlString(t Type) string {
	b, err := t.doc.store.xmlOf(t.ref(), xmlLikeYjs)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (t Type) marshalXML() ([]byte, error) {
	b, err := t.doc.store.xmlOf(t.ref(), xmlLikeYjs)
	if err != nil {
		return nil, err
	}
	return jsvalue.AppendString(nil, b), nil
}

// sibling returns the nearest visible node in the direction that step goes; false if there
// is none or t is not in a list.
func (t Type) sibling(step func(*store, ref) ref) (any, bool) {
	s := &t.doc.store
	at := t.ref()
	if at == 0 || s.ownerOf(at) == 0 || s.keyOf(s.ownerOf(at)) != 0 {
		return nil, false
	}
	for r := step(s, s.ownerOf(at)); r != 0; r = step(s, r) {
		if s.visible(r) {
			values := s.values(t.doc, r)
			return values[0], true
		}
	}
	return nil, false
}
