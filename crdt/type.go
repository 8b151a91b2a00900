package crdt

import "weft/crdt/internal/codec"

// Type is a shared type of Yjs: a container in the document that several clients edit
// concurrently. Every type has a list and a map, and is read and written through a view:
// [Text], [Array], [Map], [XMLFragment], [XMLElement] or [XMLText].
//
//   - A root type has a name. Updates do not record whether it is a text, an array or a
//     map, so any view of it is allowed, and all views show the same content.
//   - A nested type records its kind. Reading returns the matching view; AsText, AsArray,
//     AsMap and AsXML give another one.
//
// Types and views are small values that can be compared with ==. They hold a name or an
// ID and no content, so they stay valid for the life of the Doc, whatever is edited. A
// root without content reads as empty, and so does a nested type that was deleted.
// Like the Doc, they are not safe for concurrent use.
type Type struct {
	doc    *Doc
	root   string // name; only if not nested
	unit   ID     // of the item that holds the type; only if nested
	nested bool
}

// Root returns the root type of this name. It need not exist yet: the first edit creates
// it.
func (d *Doc) Root(name string) Type { return Type{doc: d, root: name} }

// Text returns the root of this name, viewed as text.
func (d *Doc) Text(name string) Text { return d.Root(name).AsText() }

// Array returns the root of this name, viewed as an array.
func (d *Doc) Array(name string) Array { return d.Root(name).AsArray() }

// Map returns the root of this name, viewed as a map.
func (d *Doc) Map(name string) Map { return d.Root(name).AsMap() }

// XML returns the root of this name, viewed as a list of XML nodes.
func (d *Doc) XML(name string) XMLFragment { return d.Root(name).AsXML() }

// Nested returns the nested type that the given unit holds. It returns false if the unit
// is unknown, holds no type, or has lost its content to garbage collection.
func (d *Doc) Nested(unit ID) (Type, bool) {
	t := d.store.findType(unit)
	return d.store.typeAt(d, t), t != 0
}

// AsText returns the type viewed as text.
func (t Type) AsText() Text { return Text{t} }

// AsArray returns the type viewed as an array.
func (t Type) AsArray() Array { return Array{t} }

// AsMap returns the type viewed as a map.
func (t Type) AsMap() Map { return Map{t} }

// AsXML returns the type viewed as a list of XML nodes.
func (t Type) AsXML() XMLFragment { return XMLFragment{t} }

// RootName returns the name of a root, and false for a nested type.
func (t Type) RootName() (string, bool) { return t.root, !t.nested }

// ID returns the ID of the unit that holds a nested type, and false for a root.
func (t Type) ID() (ID, bool) { return t.unit, t.nested }

// Exists reports whether the type is in the document: for a root, that something was
// ever written to it; for a nested type, that it was not deleted.
func (t Type) Exists() bool {
	r := t.ref()
	return r != 0 && !t.doc.store.isDeletedType(r)
}

// Length returns the number of visible units in the list: UTF-16 units of text, embeds,
// array elements, XML child nodes.
func (t Type) Length() int { return t.doc.store.lengthOf(t.ref()) }

// Parent returns the type that contains a nested type. It returns false for a root, and
// for a nested type that is not in the document any more.
func (t Type) Parent() (Type, bool) {
	s := &t.doc.store
	r := t.ref()
	if r == 0 || s.ownerOf(r) == 0 {
		return Type{}, false
	}
	p := s.parentOf(s.ownerOf(r))
	return s.typeAt(t.doc, p), p != 0
}

// ref returns the index of the type in the store, 0 if it is not there.
func (t Type) ref() typeRef {
	if t.nested {
		return t.doc.store.findType(t.unit)
	}
	return t.doc.store.findRoot(t.root)
}

// typeAt returns the Type for index t of the store.
func (s *store) typeAt(d *Doc, t typeRef) Type {
	if owner := s.ownerOf(t); owner != 0 {
		return Type{doc: d, unit: s.firstID(owner), nested: true}
	}
	return Type{doc: d, root: s.nameOf(t)}
}

// view returns a nested type in the view that its shape declares.
func (s *store) view(d *Doc, t typeRef) any {
	v := s.typeAt(d, t)
	switch s.shapeOf(t) {
	case codec.ShapeArray:
		return v.AsArray()
	case codec.ShapeText:
		return v.AsText()
	case codec.ShapeXMLElement:
		return XMLElement{v.AsXML()}
	case codec.ShapeXMLFragment:
		return v.AsXML()
	case codec.ShapeXMLText:
		return XMLText{v.AsText()}
	}
	return v.AsMap() // shapeMap and shapeXMLHook
}

// Index returns the index of a nested type in its parent's list, in visible units. It
// returns false for the value of a map key, for a root, and for a deleted type.
func (t Type) Index() (int, bool) {
	s := &t.doc.store
	at := t.ref()
	if at == 0 || s.ownerOf(at) == 0 || s.deleted(s.ownerOf(at)) || s.keyOf(s.ownerOf(at)) != 0 {
		return 0, false
	}
	return t.doc.indexOf(s.ownerOf(at)), true
}

// Key returns the key under which a nested type is in its parent's map. It returns false
// for a type in a list, for a root, and for a deleted type.
func (t Type) Key() (string, bool) {
	s := &t.doc.store
	at := t.ref()
	if at == 0 || s.ownerOf(at) == 0 || s.deleted(s.ownerOf(at)) || s.keyOf(s.ownerOf(at)) == 0 {
		return "", false
	}
	return s.names.list[s.keyOf(s.ownerOf(at))], true
}
