package crdt_test

import (
	"encoding/json"
	"fmt"

	"weft/crdt"
)

// Two authors edit concurrently, exchange their updates, and have the same document.
func Example() {
	ana := crdt.New(crdt.Options{ClientID: 1})
	ben := crdt.New(crdt.Options{ClientID: 2})

	first, _ := ana.InsertText("notes", 0, "weft")
	ben.ApplyUpdate(first)

	fromAna, _ := ana.InsertText("notes", 0, "warp and ")
	fromBen, _ := ben.InsertText("notes", 4, "!")
	ana.ApplyUpdate(fromBen)
	ben.ApplyUpdate(fromAna)

	fmt.Println(ana.Text("notes").String())
	fmt.Println(ben.Text("notes").String())
	// Output:
	// warp and weft!
	// warp and weft!
}

// A peer that was offline sends its state vector and receives the updates that it lacks.
func ExampleDoc_EncodeStateAsUpdate() {
	server := crdt.New(crdt.Options{ClientID: 1})
	server.InsertText("notes", 0, "one ")
	peer := crdt.New(crdt.Options{})
	peer.ApplyUpdate(server.EncodeStateAsUpdate(nil))

	server.InsertText("notes", 4, "two")
	sv, err := crdt.DecodeStateVector(peer.EncodeStateVector())
	if err != nil {
		fmt.Println(err)
	}
	changed, err := peer.ApplyUpdate(server.EncodeStateAsUpdate(sv))
	fmt.Println(peer.Text("notes").String(), changed, err)
	// Output: one two true <nil>
}

// The edits of a transaction are one update. A delta lists the formatted text.
func ExampleDoc_Transact() {
	doc := crdt.New(crdt.Options{ClientID: 1})
	notes := doc.Text("notes")
	update, err := doc.Transact(func(tx *crdt.Tx) error {
		if err := notes.Insert(tx, 0, "Hello world"); err != nil {
			return err
		}
		return notes.Format(tx, 6, 5, crdt.Attributes{"bold": true})
	})
	if err != nil {
		fmt.Println(err)
	}

	peer := crdt.New(crdt.Options{})
	peer.ApplyUpdate(update)
	delta, _ := json.Marshal(peer.Text("notes").Delta())
	fmt.Println(string(delta))
	// Output: [{"insert":"Hello "},{"insert":"world","attributes":{"bold":true}}]
}

// If the function returns an error, its edits are rolled back.
func ExampleDoc_Transact_error() {
	doc := crdt.New(crdt.Options{ClientID: 1})
	doc.InsertText("notes", 0, "👋 hi")
	_, err := doc.Transact(func(tx *crdt.Tx) error {
		if err := doc.Text("notes").Delete(tx, 3, 2); err != nil {
			return err
		}
		return doc.Text("notes").Insert(tx, 1, "!") // inside the emoji, which is two UTF-16 code units
	})
	fmt.Println(err)
	fmt.Println(doc.Text("notes"))
	// Output:
	// crdt: index inside a surrogate pair
	// 👋 hi
}

// A delta lists the text to retain, to insert and to delete, from left to right.
func ExampleText_ApplyDelta() {
	doc := crdt.New(crdt.Options{ClientID: 1})
	doc.InsertText("notes", 0, "the cat sat")
	doc.Transact(func(tx *crdt.Tx) error {
		return doc.Text("notes").ApplyDelta(tx, crdt.Delta{
			{Retain: 4},
			{Delete: 3},
			{Insert: "dog", Attributes: crdt.Attributes{"em": true}},
		})
	})
	fmt.Println(doc.Text("notes"))
	fmt.Println(doc.Text("notes").Delta()[1].Attributes)
	// Output:
	// the dog sat
	// map[em:true]
}

// Nested types are created as values of their parent and then edited.
func ExampleMap() {
	doc := crdt.New(crdt.Options{ClientID: 1})
	board := doc.Map("board")
	doc.Transact(func(tx *crdt.Tx) error {
		err := board.Set(tx, "todo", crdt.NewArray{
			crdt.NewMap{"title": crdt.NewText("write"), "done": false},
		})
		if err != nil {
			return err
		}
		todo, _ := board.Get("todo")
		card, _ := todo.(crdt.Array).Get(0)
		if err := card.(crdt.Map).Set(tx, "done", true); err != nil {
			return err
		}
		title, _ := card.(crdt.Map).Get("title")
		return title.(crdt.Text).Insert(tx, 5, " tests")
	})
	fmt.Println(board)
	// Output: {"todo":[{"done":true,"title":"write tests"}]}
}

// Rich text editors keep their documents as XML.
func ExampleXMLFragment() {
	doc := crdt.New(crdt.Options{ClientID: 1})
	page := doc.XML("prosemirror")
	doc.Transact(func(tx *crdt.Tx) error {
		return page.Insert(tx, 0,
			crdt.NewXMLElement{Name: "heading", Attributes: map[string]any{"level": 1}, Children: []any{crdt.NewXMLText("R&D")}},
			crdt.NewXMLElement{Name: "paragraph"},
		)
	})
	markup, _ := page.Markup()
	fmt.Println(markup)
	heading, _ := page.Get(0)
	next, _ := heading.(crdt.XMLElement).NextSibling()
	fmt.Println(next.(crdt.XMLElement).Name())
	// Output:
	// <heading level="1">R&amp;D</heading><paragraph></paragraph>
	// paragraph
}

// An observer receives the changes of a transaction and their paths.
func ExampleDoc_Observe() {
	doc := crdt.New(crdt.Options{ClientID: 1})
	stop := doc.Observe(func(e *crdt.Event) {
		for _, change := range e.Changes {
			switch name, _ := change.Type.RootName(); name {
			case "notes":
				fmt.Println(change.Path, change.TextDelta())
			case "settings":
				for key, what := range change.Keys() {
					fmt.Println(change.Path, key, what.Action, what.Old)
				}
			}
		}
	})
	defer stop()
	doc.InsertText("notes", 0, "hello")
	doc.DeleteText("notes", 0, 1)
	doc.SetMap("settings", "theme", "light")
	doc.SetMap("settings", "theme", "dark")
	// Output:
	// [notes] [{hello 0 0 map[]}]
	// [notes] [{<nil> 0 1 map[]}]
	// [settings] theme add <nil>
	// [settings] theme update light
}

// A server forwards the changes of all authors, as one update for each transaction.
func ExampleDoc_OnUpdate() {
	doc, follower := crdt.New(crdt.Options{ClientID: 1}), crdt.New(crdt.Options{})
	doc.OnUpdate(func(update []byte, local bool) {
		follower.ApplyUpdate(update)
		fmt.Println("sent, local:", local)
	})
	author := crdt.New(crdt.Options{ClientID: 2})
	update, _ := author.InsertText("notes", 0, "from afar")
	doc.ApplyUpdate(update)
	doc.ApplyUpdate(update) // already applied: nothing is sent
	fmt.Println(follower.Text("notes"))
	// Output:
	// sent, local: false
	// from afar
}

// A root has no type of its own: the reader chooses one. JSON chooses by the content.
func ExampleDoc_JSON() {
	doc := crdt.New(crdt.Options{ClientID: 1})
	doc.SetMap("settings", "theme", "dark")
	doc.InsertArray("list", 0, 1, "two", nil)
	doc.InsertText("notes", 0, "hi")
	all, _ := doc.JSON()
	fmt.Println(string(all))
	one, _ := json.Marshal(doc.Map("settings"))
	fmt.Println(string(one), doc.Array("notes"), doc.Map("nobody wrote to this"))
	// Output:
	// {"list":[1,"two",null],"notes":"hi","settings":{"theme":"dark"}}
	// {"theme":"dark"} ["h","i"] {}
}
