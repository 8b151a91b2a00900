package awareness

// Color is the colour of one person slot in both themes of the editor.
type Color struct {
	// Light is "#rrggbb" for light backgrounds. White text on it is readable
	// (contrast of at least 4.5 to 1). Carets and the field "user.color" of
	// awareness states use it in both themes, because a state is made once for
	// all readers.
	Light string
	// Dark is "#rrggbb" for dark backgrounds. The text on it is near black.
	Dark string
}

// Palette is the colour of each person slot, by slot number: the only such table
// in Weft. The tables of the browser SDK and the style sheet are generated from
// it. Neighbouring slots have neighbouring hues. A person's slot is chosen by
// package presence; presence.PreferredSlot is the first choice.
//
// The array must not be changed at run time.
var Palette = [12]Color{
	{Light: "#ba3535", Dark: "#ff958e"},
	{Light: "#a75001", Dark: "#fd9c5d"},
	{Light: "#886602", Dark: "#e0af3b"},
	{Light: "#667404", Dark: "#b0c352"},
	{Light: "#028321", Dark: "#7acf7e"},
	{Light: "#037e65", Dark: "#33d4ad"},
	{Light: "#037a84", Dark: "#0dcfdf"},
	{Light: "#0573aa", Dark: "#65c1fe"},
	{Light: "#3065cc", Dark: "#91b7fe"},
	{Light: "#6e53c5", Dark: "#b6aaff"},
	{Light: "#9344aa", Dark: "#dc9af1"},
	{Light: "#af3679", Dark: "#f990c4"},
}
