package crdt

// Type is a shared type: something in the document that several people edit. It holds
// a list and a map, and is read and written through a view: [Text], [Array], [Map],
// [XMLFragment] and their kin. A root has a name and may be viewed as anything, as
// updates do not say what it is; the views of one root share what it holds. A nested
// type says what it is, and reading gives the view that fits; AsText and the others
// give another.
//
// Types and views are small values, compared with ==. They name a place and hold
// nothing: they stay good for the life of the Doc, whatever is edited. A root that
// nobody has written to reads as empty, and so does a nested type that was deleted.
// Like the Doc, they are not safe for concurrent use.
type Type struct {
	doc    *Doc
	root   string // name, unless nested
	unit   ID     // of the item that holds it, if nested
	nested bool
}

// Root is the root type of this name.
func (d *Doc) Root(name string) Type { return Type{doc: d, root: name} }

// Text is Root(name).AsText(), and so on.
func (d *Doc) Text(name string) Text { return d.Root(name).AsText() }

// Array is the root of this name, viewed as an array.
func (d *Doc) Array(name string) Array { return d.Root(name).AsArray() }

// Map is the root of this name, viewed as a map.
func (d *Doc) Map(name string) Map { return d.Root(name).AsMap() }

// XML is the root of this name, viewed as a list of XML nodes.
func (d *Doc) XML(name string) XMLFragment { return d.Root(name).AsXML() }

// Nested is the nested type that the given unit holds; false if it holds none, or is
// not known, or its content was dropped.
func (d *Doc) Nested(unit ID) (Type, bool) {
	t := d.store.findType(unit)
	return d.store.typeAt(d, t), t != 0
}

// AsText views a type as text.
func (t Type) AsText() Text { return Text{t} }

// AsArray views a type as an array.
func (t Type) AsArray() Array { return Array{t} }

// AsMap views a type as a map.
func (t Type) AsMap() Map { return Map{t} }

// AsXML views a type as a list of XML nodes.
func (t Type) AsXML() XMLFragment { return XMLFragment{t} }

// RootName is the name of a root; false for a nested type.
func (t Type) RootName() (string, bool) { return t.root, !t.nested }

// ID names the unit that holds a nested type; false for a root.
func (t Type) ID() (ID, bool) { return t.unit, t.nested }

// Exists tells whether a root has been written to, and whether a nested type has not
// been deleted.
func (t Type) Exists() bool {
	r := t.ref()
	return r != 0 && !t.doc.store.isInDeletedType(r)
}

// Length is how many visible units the list holds: UTF-16 units of text, embeds,
// elements, child nodes.
func (t Type) Length() int { return t.doc.store.lengthOf(t.ref()) }

// Parent is the type that holds a nested one; false for a root, and for what is not
// there any more.
func (t Type) Parent() (Type, bool) {
	s := &t.doc.store
	r := t.ref()
	if r == 0 || s.ownerOf(r) == 0 {
		return Type{}, false
	}
	p := s.parentOf(s.ownerOf(r))
	return s.typeAt(t.doc, p), p != 0
}

// ref is where the type lies in memory, 0 if nowhere.
func (t Type) ref() typeRef {
	if t.nested {
		return t.doc.store.findType(t.unit)
	}
	return t.doc.store.findRoot(t.root)
}

// typeAt names what lies at t.
func (s *store) typeAt(d *Doc, t typeRef) Type {
	if owner := s.ownerOf(t); owner != 0 {
		return Type{doc: d, unit: s.firstID(owner), nested: true}
	}
	return Type{doc: d, root: s.nameOf(t)}
}

// view is a nested type, viewed as what it says it is.
func (s *store) view(d *Doc, t typeRef) any {
	v := s.typeAt(d, t)
	switch s.shapeOf(t) {
	case shapeArray:
		return v.AsArray()
	case shapeText:
		return v.AsText()
	case shapeXMLElement:
		return XMLElement{v.AsXML()}
	case shapeXMLFragment:
		return v.AsXML()
	case shapeXMLText:
		return XMLText{v.AsText()}
	}
	return v.AsMap() // an XmlHook as well
}

// Index is where a nested type stands in its parent's list; false if it is the value of
// a key, or a root, or gone.
func (t Type) Index() (int, bool) {
	s := &t.doc.store
	at := t.ref()
	if at == 0 || s.ownerOf(at) == 0 || s.deleted(s.ownerOf(at)) || s.keyOf(s.ownerOf(at)) != 0 {
		return 0, false
	}
	return t.doc.indexOf(s.ownerOf(at)), true
}

// Key is the key of the parent's map whose value a nested type is; false if it stands
// in a list, or is a root, or gone.
func (t Type) Key() (string, bool) {
	s := &t.doc.store
	at := t.ref()
	if at == 0 || s.ownerOf(at) == 0 || s.deleted(s.ownerOf(at)) || s.keyOf(s.ownerOf(at)) == 0 {
		return "", false
	}
	return s.names.list[s.keyOf(s.ownerOf(at))], true
}
