package crdt

import (
	"bufio"
	"compress/gzip"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// session is one line of testdata/interop/gen-edits.mjs: what a few people edited, and
// what Yjs made of it.
type session struct {
	Seed  uint64
	IDs   []uint64
	Keep  []bool
	Steps []struct {
		C        int
		Edits    []edit
		Apply    hexBytes
		Cleaning bool
		Update   *hexBytes
		Events   []struct {
			Path  []any
			Delta any
			Keys  map[string]any
		}
	}
	End []struct {
		Full            hexBytes
		Text            string
		Delta           any
		Array, Map, XML string
	}
}

// edit is [target, name, arguments…].
type edit []any

// TestYjsSessions checks that local edits give the same updates as the same edits in Yjs,
// byte for byte, and leave the same state, and that text, delta, JSON and XML read the
// same. WEFT_EDITS names a file of fresh sessions.
func TestYjsSessions(t *testing.T) {
	path := os.Getenv("WEFT_EDITS")
	if path != "" {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		checkSessions(t, f)
		return
	}
	f, err := os.Open("testdata/interop/yjs-13.6.33-edits.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	checkSessions(t, z)
}

func checkSessions(t *testing.T, r io.Reader) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 64<<20)
	n, edits, failed := 0, 0, 0
	for lines.Scan() {
		if n++; thin && n%10 > 0 {
			continue
		}
		var s session
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		for _, step := range s.Steps {
			edits += len(step.Edits)
		}
		if err := s.check(); err != nil {
			t.Errorf("seed %d: %v", s.Seed, err)
			if failed++; failed > 5 {
				t.FailNow()
			}
		}
	}
	if err := lines.Err(); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	t.Logf("%d sessions, %d edits", n, edits)
}

func (s *session) check() error {
	docs := make([]*Doc, len(s.IDs))
	for c := range docs {
		docs[c] = New(Options{ClientID: s.IDs[c], KeepDeleted: s.Keep[c]})
	}
	for i, step := range s.Steps {
		d := docs[step.C]
		var event *seenEvent
		var told []byte
		stops := []func(){
			d.Observe(func(e *Event) { event = seen(e) }),
			d.OnUpdate(func(update []byte, local bool) { told = update }),
		}
		if step.Edits == nil {
			if _, err := d.ApplyUpdate(step.Apply); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		} else {
			update, err := d.Transact(func(tx *Tx) error {
				for _, e := range step.Edits {
					if err := e.play(tx, d); err != nil {
						return fmt.Errorf("%v: %w", e, err)
					}
				}
				return nil
			})
			if err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
			want := []byte{0, 0}
			if step.Update != nil {
				want = *step.Update
			}
			if string(update) != string(want) {
				return fmt.Errorf("step %d: %v:\n%x, Yjs\n%x", i, step.Edits, update, want)
			}
			if err := ValidateUpdate(update); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
		if err := d.Check(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
		for _, stop := range stops {
			stop()
		}
		if step.Cleaning {
			continue
		}
		if step.Update != nil && string(told) != string(*step.Update) || (step.Update == nil) != (told == nil) {
			return fmt.Errorf("step %d: OnUpdate got %x, Yjs %x", i, told, step.Update)
		}
		if event == nil {
			event = &seenEvent{changes: map[string]any{}, local: step.Edits != nil}
		}
		if event.local != (step.Edits != nil) {
			return fmt.Errorf("step %d: local %v", i, event.local)
		}
		want := map[string]any{}
		for _, e := range step.Events {
			want[fmt.Sprint(e.Path)] = map[string]any{"delta": e.Delta, "keys": any(e.Keys)}
		}
		if diff := cmp.Diff(want, event.changes); diff != "" {
			return fmt.Errorf("step %d: %v: changes (-Yjs +ours):\n%s", i, step.Edits, diff)
		}
	}
	for c, d := range docs {
		if err := s.compare(d, c); err != nil {
			return fmt.Errorf("client %d: %w", s.IDs[c], err)
		}
	}
	return nil
}

// seenEvent is an Event as the generator describes it.
type seenEvent struct {
	local   bool
	changes map[string]any // by path
}

func seen(e *Event) *seenEvent {
	s := &seenEvent{e.Local, map[string]any{}}
	for _, c := range e.Changes {
		keys := map[string]any{}
		for key, change := range c.Keys() {
			old := shown(change.Old)
			if change.Action == KeyAdded {
				old = shown(Undefined{})
			}
			keys[key] = map[string]any{"action": string(change.Action), "old": old}
		}
		var delta any
		switch viewOf(c.Type.doc, asNumbers(c.Path)).(type) {
		case Text, XMLText:
			delta = shownDelta(c.TextDelta())
		default:
			ops := []any{}
			for _, op := range c.ListDelta() {
				switch {
				case op.Insert != nil:
					ops = append(ops, map[string]any{"insert": shown(op.Insert)})
				case op.Retain > 0:
					ops = append(ops, map[string]any{"retain": float64(op.Retain)})
				default:
					ops = append(ops, map[string]any{"delete": float64(op.Delete)})
				}
			}
			delta = ops
		}
		s.changes[fmt.Sprint(c.Path)] = map[string]any{"delta": delta, "keys": keys}
	}
	return s
}

func asNumbers(path []any) []any {
	out := make([]any, len(path))
	for i, p := range path {
		if n, ok := p.(int); ok {
			p = float64(n)
		}
		out[i] = p
	}
	return out
}

// compare reads d and compares it with what Yjs read at the end.
func (s *session) compare(d *Doc, c int) error {
	end := s.End[c]
	if got := d.EncodeStateAsUpdate(nil); string(got) != string(end.Full) {
		return fmt.Errorf("full state\n%x, Yjs\n%x", got, end.Full)
	}
	if got := d.Text("text").String(); got != end.Text {
		return fmt.Errorf("text %q, Yjs %q", got, end.Text)
	}
	if diff := cmp.Diff(end.Delta, shownDelta(d.Text("text").Delta())); diff != "" {
		return fmt.Errorf("delta (-Yjs +ours):\n%s", diff)
	}
	for want, view := range map[*string]json.Marshaler{&end.Array: d.Array("array"), &end.Map: d.Map("map")} {
		got, err := view.MarshalJSON()
		if err != nil || string(got) != *want {
			return fmt.Errorf("JSON %s, Yjs %s, %v", got, *want, err)
		}
	}
	if got := d.XML("xml").String(); got != end.XML {
		return fmt.Errorf("XML %s, Yjs %s", got, end.XML)
	}
	return nil
}

// play makes the edit.
func (e edit) play(tx *Tx, d *Doc) error {
	path := e[0].([]any)
	at := resolve(d, path)
	arg := func(i int) any { return e[i+2] }
	num := func(i int) int { return int(arg(i).(float64)) }
	attrs := func(i int) Attributes { return arg(i).(map[string]any) }
	switch e[1] {
	case "insert":
		return at.AsText().Insert(tx, num(0), arg(1).(string))
	case "insertWith":
		return at.AsText().InsertWith(tx, num(0), arg(1).(string), attrs(2))
	case "embed":
		return at.AsText().InsertEmbed(tx, num(0), made(arg(1)), attrs(2))
	case "delete":
		switch view := viewOf(d, path).(type) {
		case Text, XMLText:
			return at.AsText().Delete(tx, num(0), num(1))
		case Array:
			return view.Delete(tx, num(0), num(1))
		}
		return at.AsXML().Delete(tx, num(0), num(1))
	case "format":
		return at.AsText().Format(tx, num(0), num(1), attrs(2))
	case "delta":
		var delta Delta
		for _, op := range arg(0).([]any) {
			op := op.(map[string]any)
			o := Op{Insert: made(op["insert"])}
			o.Retain = int(orZero(op["retain"]))
			o.Delete = int(orZero(op["delete"]))
			if a, ok := op["attributes"]; ok {
				o.Attributes = a.(map[string]any)
			}
			delta = append(delta, o)
		}
		return at.AsText().ApplyDelta(tx, delta)
	case "values":
		if view, ok := viewOf(d, path).(Array); ok {
			return view.Insert(tx, num(0), made(arg(1)).([]any)...)
		}
		return at.AsXML().Insert(tx, num(0), made(arg(1)).([]any)...)
	case "push":
		return at.AsArray().Push(tx, made(arg(0)).([]any)...)
	case "set", "attr":
		return at.AsMap().Set(tx, arg(0).(string), made(arg(1)))
	case "unset", "unattr":
		return at.AsMap().Delete(tx, arg(0).(string))
	}
	return fmt.Errorf("no edit %q", e[1])
}

func orZero(v any) float64 {
	f, _ := v.(float64)
	return f
}

// viewOf walks from a root through keys and indices.
func viewOf(d *Doc, path []any) any {
	var view any
	switch root := path[0].(string); root {
	case "text":
		view = d.Text(root)
	case "array":
		view = d.Array(root)
	case "map":
		view = d.Map(root)
	case "xml":
		view = d.XML(root)
	}
	for _, p := range path[1:] {
		switch v := view.(type) {
		case Map:
			view, _ = v.Get(p.(string))
		case Array:
			view, _ = v.Get(int(p.(float64)))
		case XMLFragment:
			view, _ = v.Get(int(p.(float64)))
		case XMLElement:
			view, _ = v.Get(int(p.(float64)))
		default:
			panic(fmt.Sprintf("%v: nothing in %T", path, view))
		}
	}
	return view
}

func resolve(d *Doc, path []any) Type { return typeOf(viewOf(d, path)) }

func typeOf(view any) Type {
	return reflect.ValueOf(view).FieldByName("Type").Interface().(Type)
}

// made turns the generator's description of a value into the value.
func made(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = made(v[i])
		}
		return list
	case map[string]any:
		members := func(v any) map[string]any {
			o := map[string]any{}
			for key, value := range v.(map[string]any) {
				o[key] = made(value)
			}
			return o
		}
		switch v["$"] {
		case nil:
			return members(v)
		case "undefined":
			return Undefined{}
		case "bytes":
			b, _ := hex.DecodeString(v["v"].(string))
			return b
		case "bigint":
			n, _ := strconv.ParseInt(v["v"].(string), 10, 64)
			return BigInt(n)
		case "text":
			return NewText(v["v"].(string))
		case "array":
			return NewArray(made(v["v"]).([]any))
		case "map":
			return NewMap(members(v["v"]))
		case "xmltext":
			return NewXMLText(v["v"].(string))
		case "element":
			return NewXMLElement{v["n"].(string), members(v["a"]), made(v["c"]).([]any)}
		case "doc":
			return Subdoc{v["g"].(string), members(v["o"])}
		}
		panic(v["$"])
	}
	return v
}

// shown turns a value read here into the generator's description.
func shown(v any) any {
	switch v := v.(type) {
	case Undefined:
		return map[string]any{"$": "undefined"}
	case BigInt:
		return map[string]any{"$": "bigint", "v": strconv.FormatInt(int64(v), 10)}
	case []byte:
		return map[string]any{"$": "bytes", "v": hex.EncodeToString(v)}
	case Subdoc:
		return map[string]any{"$": "doc", "g": v.GUID}
	case int64:
		return float64(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = shown(v[i])
		}
		return list
	case map[string]any:
		o := map[string]any{}
		for key, value := range v {
			o[key] = shown(value)
		}
		return o
	case Text:
		return map[string]any{"$": "YText"}
	case Array:
		return map[string]any{"$": "YArray"}
	case Map:
		return map[string]any{"$": "YMap"}
	case XMLElement:
		return map[string]any{"$": "YXmlElement"}
	case XMLText:
		return map[string]any{"$": "YXmlText"}
	case XMLFragment:
		return map[string]any{"$": "YXmlFragment"}
	}
	return v
}

func shownDelta(delta Delta) any {
	list := []any{}
	for _, op := range delta {
		o := map[string]any{}
		switch {
		case op.Insert != nil:
			o["insert"] = shown(op.Insert)
		case op.Retain > 0:
			o["retain"] = float64(op.Retain)
		default:
			o["delete"] = float64(op.Delete)
		}
		if op.Attributes != nil {
			o["attributes"] = shown(map[string]any(op.Attributes))
		}
		list = append(list, o)
	}
	return list
}
