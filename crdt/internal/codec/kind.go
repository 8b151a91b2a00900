package codec

// Kind says what a struct holds: the content reference of Yjs, which is the low five
// bits of the info byte.
type Kind uint8

// The kinds of structs. All but KindGC and KindSkip are items.
const (
	KindGC      Kind = 0  // n units of which only the number is known
	KindDeleted Kind = 1  // n deleted units, which still anchor their neighbours
	KindJSON    Kind = 2  // n JSON texts (written by Yjs before 13.0)
	KindBinary  Kind = 3  // one byte array
	KindString  Kind = 4  // text of n UTF-16 code units
	KindEmbed   Kind = 5  // one JSON text, an object within text
	KindFormat  Kind = 6  // one formatting mark "from here on, key is value"; invisible
	KindType    Kind = 7  // one nested type
	KindAny     Kind = 8  // n any values
	KindDoc     Kind = 9  // one subdocument: its guid and options, not its content
	KindSkip    Kind = 10 // n units left out; in updates only
)

// IsItem reports whether a struct of this kind is an item, with a place in a list.
func (k Kind) IsItem() bool { return k != KindGC && k != KindSkip }

// IsCountable reports whether units of this kind add to the visible length of a list.
func (k Kind) IsCountable() bool {
	return k != KindGC && k != KindDeleted && k != KindFormat
}

// IsRun reports whether one struct of this kind may hold several units. Such structs can
// be split, and can be merged with the struct to their right.
func (k Kind) IsRun() bool {
	return k == KindGC || k == KindDeleted || k == KindJSON || k == KindString || k == KindAny
}

// Shapes of nested types, as declared in updates (type references of Yjs).
const (
	ShapeArray       = 0
	ShapeMap         = 1
	ShapeText        = 2
	ShapeXMLElement  = 3 // has a node name
	ShapeXMLFragment = 4
	ShapeXMLHook     = 5 // has a hook name
	ShapeXMLText     = 6
	MaxShape         = 6
)

// ShapeHasName reports whether types of this shape carry a node name or hook name.
func ShapeHasName(shape uint8) bool { return shape == ShapeXMLElement || shape == ShapeXMLHook }
