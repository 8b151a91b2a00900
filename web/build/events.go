package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"weft/server/event"
	"weft/server/event/eventtest"
	"weft/server/problem"
)

// addEvents adds what the SDK has to know of the server's events:
//
//   - the TypeScript types of all events that the server and native clients send;
//   - the codes of problems;
//   - the fixtures that the tests of both languages decode.
func addEvents(sources files) error {
	docs, err := readDocs("server/event", "server/store", "presence", "notify")
	if err != nil {
		return err
	}
	server := typeWriter{docs: docs, names: map[string]reflect.Type{}}
	members := server.eventTypes(event.FromServer(), "Event")
	text := "// " + generatedFrom("server/event") + "\n\n" +
		"import type { ProblemCode } from './problems.ts'\n\n" +
		"/** What JSON and msgpack can say. */\nexport type WireJson = null | boolean | number | string | readonly WireJson[] | { readonly [key: string]: WireJson }\n" +
		server.text.String() + "\n/** The events that the server sends, by name. */\nexport type ServerEvents = {\n" + members + "}\n"
	if err := sources.add("sdk/src/generated/events.ts", []byte(text)); err != nil {
		return err
	}
	client := typeWriter{docs: docs, names: map[string]reflect.Type{}}
	members = client.eventTypes(event.FromClient(), "Command")
	text = "// " + generatedFrom("server/event") + "\n" +
		client.text.String() + "\n/** The events that a client sends, by name. */\nexport type ClientEvents = {\n" + members + "}\n"
	if err := sources.add("sdk/src/generated/commands.ts", []byte(text)); err != nil {
		return err
	}
	text = "// " + generatedFrom("server/problem") + "\n\n" +
		"/** The stable names of all kinds of problems. server/PROTOCOL.md says what they mean. */\nexport type ProblemCode =\n"
	for _, k := range problem.Kinds() {
		text += "  | '" + string(k.Code) + "'\n"
	}
	if err := sources.add("sdk/src/generated/problems.ts", []byte(text)); err != nil {
		return err
	}
	fixtures, err := eventFixtures()
	if err != nil {
		return err
	}
	return sources.add("../server/event/testdata/events.json", fixtures)
}

// eventFixtures returns the samples of all events with their wire forms.
func eventFixtures() ([]byte, error) {
	type fixture struct {
		From    string          `json:"from"`
		Name    string          `json:"name"`
		JSON    json.RawMessage `json:"json"`
		Msgpack string          `json:"msgpack"`
	}
	var b bytes.Buffer
	add := func(from string, samples []event.Event) error {
		for _, e := range samples {
			encoded := event.New(e)
			line, err := json.Marshal(fixture{from, e.EventName(), encoded.JSON(), hex.EncodeToString(encoded.Native()[1:])})
			if err != nil {
				return fmt.Errorf("build: %s: %w", e.EventName(), err)
			}
			if b.Len() > 0 {
				b.WriteString(",\n")
			}
			b.Write(line)
		}
		return nil
	}
	if err := errors.Join(add("server", eventtest.FromServer()), add("client", eventtest.FromClient())); err != nil {
		return nil, err
	}
	return []byte("[\n" + b.String() + "\n]\n"), nil
}

// typeWriter writes the TypeScript types of Go structs. They are type aliases,
// since an interface is not assignable to a type with an index signature.
type typeWriter struct {
	docs  docs
	text  strings.Builder
	names map[string]reflect.Type // of the types that have been written
}

// eventTypes writes a type for each event and returns the members of the map from
// names to types. Two events of one name become a union.
func (g *typeWriter) eventTypes(events []event.Event, suffix string) (members string) {
	var order []string
	types := map[string][]string{}
	for _, e := range events {
		t, name := reflect.TypeOf(e), e.EventName()
		if types[name] == nil {
			order = append(order, name)
		}
		types[name] = append(types[name], g.declare(t, t.Name()+suffix))
	}
	for _, name := range order {
		members += fmt.Sprintf("  readonly '%s': %s\n", name, strings.Join(types[name], " | "))
	}
	return members
}

// declare writes the type of a struct, unless it has been written, and
// returns its name.
func (g *typeWriter) declare(t reflect.Type, name string) string {
	if known := g.names[name]; known == t {
		return name
	} else if known != nil {
		panic(fmt.Sprintf("build: %v and %v would both be %s", known, t, name))
	}
	g.names[name] = t
	var body strings.Builder
	g.members(&body, t)
	doc := g.docs.types[typeKey(t)]
	g.text.WriteString("\n" + jsDoc(doc, "") + "export type " + name + " = {\n" + body.String() + "}\n")
	return name
}

// members writes the members of a struct; those of embedded structs too.
func (g *typeWriter) members(b *strings.Builder, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		tag, tagged := f.Tag.Lookup("json")
		if f.Anonymous && !tagged {
			g.members(b, f.Type)
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if name == "-" {
			continue
		}
		optional := strings.Contains(options, "omit")
		mark := ""
		if optional {
			mark = "?"
		}
		b.WriteString(jsDoc(g.docs.fields[typeKey(t)+"."+f.Name], "  "))
		fmt.Fprintf(b, "  readonly %s%s: %s\n", name, mark, g.typeOf(f.Type, optional))
	}
}

var (
	timeType = reflect.TypeFor[time.Time]()
	codeType = reflect.TypeFor[event.ProblemCode]() // declared in generated/problems.ts
	rawType  = reflect.TypeFor[json.RawMessage]()
)

// typeOf returns the TypeScript type of a field. A pointer that is left out when
// it is nil is never null.
func (g *typeWriter) typeOf(t reflect.Type, leftOut bool) string {
	switch {
	case t == timeType:
		return "string"
	case t == codeType:
		return "ProblemCode"
	case t == rawType:
		return "{ readonly [key: string]: WireJson }"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "number"
	case reflect.Pointer:
		if leftOut {
			return g.typeOf(t.Elem(), false)
		}
		return g.typeOf(t.Elem(), false) + " | null"
	case reflect.Slice:
		return "readonly " + g.typeOf(t.Elem(), false) + "[]"
	case reflect.Map:
		return "{ readonly [key: string]: " + g.typeOf(t.Elem(), false) + " }"
	case reflect.Struct:
		return g.declare(t, "Wire"+t.Name())
	}
	panic(fmt.Sprintf("build: no TypeScript type for %v", t))
}

// typeKey names a type as docs do.
func typeKey(t reflect.Type) string {
	return strings.TrimPrefix(t.PkgPath(), "weft/") + "." + t.Name()
}

// jsDoc returns a doc comment in front of a declaration, or nothing.
func jsDoc(text, indent string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	lines := strings.Split(text, "\n")
	if len(lines) == 1 {
		return indent + "/** " + lines[0] + " */\n"
	}
	var b bytes.Buffer
	b.WriteString(indent + "/**\n")
	for _, line := range lines {
		b.WriteString(strings.TrimRight(indent+" * "+line, " ") + "\n")
	}
	b.WriteString(indent + " */\n")
	return b.String()
}
