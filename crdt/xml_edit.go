package crdt

// XMLFragment is a view of a type as a list of XML nodes: XMLElement, XMLText, nested
// XMLFragment. It is what editors such as ProseMirror keep their document in.
//
// Read as XML, plain text is a run of text, and other values are what JavaScript prints
// for them.
type XMLFragment struct{ Type }

// XMLElement is a nested XML element: a name, attributes, child nodes. Attributes are
// strings as a rule, and may be any value.
type XMLElement struct{ XMLFragment }

// XMLText is a run of text within XML: as Text, but String has formatting as elements.
type XMLText struct{ Text }

// Insert inserts nodes before the index-th child: [NewXMLElement], [NewXMLText] and
// [NewXMLFragment]. Errors: those of [Array.Insert]; ErrValue for anything else.
func (f XMLFragment) Insert(tx *Tx, index int, nodes ...any) error {
	return tx.insertList(f.Type, index, nodes, nodeContents)
}

// Push inserts nodes behind the last child.
func (f XMLFragment) Push(tx *Tx, nodes ...any) error { return f.Insert(tx, f.Length(), nodes...) }

// Delete deletes length children from index on. Errors: ErrRange.
func (f XMLFragment) Delete(tx *Tx, index, length int) error {
	return tx.deleteList(f.Type, index, length)
}

// Get is the index-th child: an XMLElement, XMLText or XMLFragment; false if there is
// none.
func (f XMLFragment) Get(index int) (any, bool) { return f.AsArray().Get(index) }

// Children is all child nodes.
func (f XMLFragment) Children() []any { return f.AsArray().Values() }

// String is the XML of all that is inside, to the characters of Yjs's toString: names
// of elements in lower case, attributes sorted by name, and nothing escaped. It is for
// comparing, not for browsers: see Markup.
func (f XMLFragment) String() string { return xmlString(f.Type) }

// Markup is well-formed XML: as String, but text and attributes are escaped, and what
// has a name that no tag can have is left out, children of elements excepted. It says
// nothing about what the markup does in a browser. Errors: ErrTooDeep.
func (f XMLFragment) Markup() (string, error) {
	b, err := f.doc.store.xmlOf(f.ref(), true)
	return string(b), err
}

// MarshalJSON is String as a JSON string, as Yjs's toJSON has it. Errors: ErrTooDeep.
func (f XMLFragment) MarshalJSON() ([]byte, error) { return f.marshalXML() }

// Name is the element's node name, as it was given; "" if the element is gone.
func (e XMLElement) Name() string {
	t := e.ref()
	if !e.nested || t == 0 {
		return ""
	}
	return e.doc.store.nameOf(t)
}

// Attribute is the value of an attribute; false if it is not set.
func (e XMLElement) Attribute(name string) (any, bool) { return e.AsMap().Get(name) }

// Attributes is all attributes.
func (e XMLElement) Attributes() map[string]any {
	all := map[string]any{}
	for name, value := range e.AsMap().All() {
		all[name] = value
	}
	return all
}

// SetAttribute sets an attribute; see [Map.Set].
func (e XMLElement) SetAttribute(tx *Tx, name string, value any) error {
	return e.AsMap().Set(tx, name, value)
}

// RemoveAttribute takes an attribute away, if it is there.
func (e XMLElement) RemoveAttribute(tx *Tx, name string) error { return e.AsMap().Delete(tx, name) }

// NextSibling is the node behind this one; false if it is the last.
func (e XMLElement) NextSibling() (any, bool) { return e.sibling((*store).next) }

// PrevSibling is the node in front of this one; false if it is the first.
func (e XMLElement) PrevSibling() (any, bool) { return e.sibling((*store).prev) }

// NextSibling is the node behind this one; false if it is the last.
func (t XMLText) NextSibling() (any, bool) { return t.sibling((*store).next) }

// PrevSibling is the node in front of this one; false if it is the first.
func (t XMLText) PrevSibling() (any, bool) { return t.sibling((*store).prev) }

// String is the text with formatting as elements around it, nothing escaped, to the
// characters of Yjs's toString. The plain text is t.Text.String().
func (t XMLText) String() string { return xmlString(t.Type) }

// Markup is String with text and attributes escaped; see [XMLFragment.Markup].
func (t XMLText) Markup() (string, error) { return t.AsXML().Markup() }

// MarshalJSON is String as a JSON string, as Yjs's toJSON has it. Errors: ErrTooDeep.
func (t XMLText) MarshalJSON() ([]byte, error) { return t.marshalXML() }

func xmlString(t Type) string {
	b, err := t.doc.store.xmlOf(t.ref(), false)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (t Type) marshalXML() ([]byte, error) {
	b, err := t.doc.store.xmlOf(t.ref(), false)
	if err != nil {
		return nil, err
	}
	return appendJSString(nil, b), nil
}

// sibling is the next visible unit in a direction.
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
