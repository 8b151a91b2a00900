package feed

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"weft/crdt"
	"weft/presence/awareness"
	"weft/server/wire"
)

// author makes updates of one document and keeps the state vector after each.
type author struct {
	t   *testing.T
	doc *crdt.Doc
}

func newAuthor(t *testing.T) *author { return &author{t, crdt.New(crdt.Options{ClientID: 1})} }

// insert returns the update that appends text to the document.
func (a *author) insert(text string) []byte {
	a.t.Helper()
	u, err := a.doc.InsertText("t", a.doc.Length("t"), text)
	if err != nil {
		a.t.Fatal(err)
	}
	return u
}

// appendEntry puts an update of by into the feed.
func (a *author) appendEntry(f *Feed, by *Reader, update []byte) {
	f.Append([]Entry{{Author: by, Update: update}}, a.doc.StateVector)
}

// next returns the reader's next body, nil if there is none.
func next(r *Reader) *Shared {
	body, _ := r.Next()
	return body
}

// updateIn returns the update that a body carries.
func updateIn(t *testing.T, s *Shared) []byte {
	t.Helper()
	if s == nil {
		t.Fatal("no body, want one with an update")
	}
	b, err := wire.DecodeBody(s.Body)
	if err != nil || !b.IsUpdate() {
		t.Fatalf("body of type %v, %v; want an update", b.Type, err)
	}
	return b.Payload
}

// TestReadersAtOnePositionShareABody: updates since a position are merged once, and the
// author gets no body.
func TestReadersAtOnePositionShareABody(t *testing.T) {
	f, a := New(nil), newAuthor(t)
	writer := f.NewReader(ReaderOptions{})
	one, two := f.NewReader(ReaderOptions{}), f.NewReader(ReaderOptions{})
	for range 10 {
		a.appendEntry(f, writer, a.insert("x"))
	}
	first, second := next(one), next(two)
	if first == nil || first != second {
		t.Errorf("two readers at one position got bodies %p and %p, want the same", first, second)
	}
	doc := crdt.New(crdt.Options{})
	if _, err := doc.ApplyUpdate(updateIn(t, first)); err != nil || doc.Text("t").String() != "xxxxxxxxxx" {
		t.Errorf("the body brings %q, %v; want all ten updates", doc.Text("t").String(), err)
	}
	for _, r := range []*Reader{one, two, writer} {
		if next(r) != nil {
			t.Error("a reader that has everything got a body")
		}
	}
}

// TestEchoIsTheVeryUpdateOnceItIsDurable: own updates come alone and unchanged, and not
// before they are on disk.
func TestEchoIsTheVeryUpdateOnceItIsDurable(t *testing.T) {
	f, a := New(nil), newAuthor(t)
	r := f.NewReader(ReaderOptions{Echo: true})
	updates := [][]byte{a.insert("a"), a.insert("b")}
	for _, u := range updates {
		a.appendEntry(f, r, u)
	}
	for i, u := range updates {
		if next(r) != nil {
			t.Errorf("update %d was echoed before it was durable", i+1)
		}
		f.SetDurable(uint64(i + 1))
		if got := updateIn(t, next(r)); !slices.Equal(got, u) {
			t.Errorf("echo %d is %v, want the bytes that were sent, %v", i+1, got, u)
		}
	}
	if next(r) != nil {
		t.Error("an update was echoed twice")
	}
}

// TestReaderBehindTheFeedRequestsADiff: a reader whose entries were dropped gets no update
// until its request is answered, and goes on after the answer.
func TestReaderBehindTheFeedRequestsADiff(t *testing.T) {
	f, a := New(nil), newAuthor(t)
	writer, r := f.NewReader(ReaderOptions{}), f.NewReader(ReaderOptions{Owner: "r"})
	for range 2*KeptBytes/MergeBytes + 1 {
		a.appendEntry(f, writer, a.insert(strings.Repeat("x", MergeBytes/2+1)))
	}
	a.appendEntry(f, writer, a.insert(strings.Repeat("x", KeptBytes)))
	if _, bytes := f.Size(); bytes > KeptBytes+100 {
		t.Fatalf("the feed keeps %d bytes", bytes)
	}
	for range 2 { // asking again makes no second request
		if next(r) != nil {
			t.Error("a reader that is behind got a body from the feed")
		}
	}
	<-f.Requested()
	requests := f.TakeRequests()
	if len(requests) != 1 || requests[0].Owner() != "r" {
		t.Fatalf("%d requests, want one of the reader that is behind", len(requests))
	}
	f.PutBack(requests)
	<-f.Requested()
	if requests = f.TakeRequests(); len(requests) != 1 {
		t.Fatalf("%d requests after PutBack, want 1", len(requests))
	}
	q := r.TakeRequest()
	if q.StepOne != nil || q.Base != nil {
		t.Errorf("request %+v, want neither a step 1 nor a base", q)
	}
	answer := &Shared{Body: []byte("answer")}
	r.Answer(Answer{Bodies: []*Shared{answer}, Next: f.end(), Mark: q.Latest, SinceBase: true})
	if got := next(r); got != answer {
		t.Errorf("the reader got %v, want its answer", got)
	}
	if got := next(r); got != nil {
		t.Errorf("after its answer the reader got %v, want nothing", got)
	}
	u := a.insert("y")
	a.appendEntry(f, writer, u)
	if got := updateIn(t, next(r)); !slices.Equal(got, u) {
		t.Error("after its answer the reader does not go on with the feed")
	}
}

// TestFrameIsMadeOnceForOnePrefix: all peers of a dialect share the bytes.
func TestFrameIsMadeOnceForOnePrefix(t *testing.T) {
	s := &Shared{Body: []byte("body")}
	one, two, other := s.Frame("p"), s.Frame("p"), s.Frame("q")
	if &one[0] != &two[0] || string(one) != "pbody" {
		t.Errorf("frames %q and %q, want the same bytes", one, two)
	}
	if string(other) != "qbody" || string(s.Frame("")) != "body" {
		t.Errorf("frames %q and %q of other prefixes", other, s.Frame(""))
	}
}

func state(id, clock uint64, json string) awareness.State {
	return awareness.State{ClientID: id, Clock: clock, JSON: []byte(json)}
}

// TestAwarenessChangesAreMerged: a reader gets the newest state of each client that has
// changed since it last looked, once, and only what was published.
func TestAwarenessChangesAreMerged(t *testing.T) {
	f := New(nil)
	r, now := f.NewReader(ReaderOptions{}), time.Unix(1_800_000_000, 0)
	for clock := range uint64(100) {
		f.NoteAwareness([]awareness.State{state(1, clock+1, fmt.Sprintf(`{"x":%d}`, clock))}, now)
	}
	if next(r) != nil {
		t.Error("awareness arrived before it was published")
	}
	f.PublishAwareness()
	body := next(r)
	want := wire.AppendAwareness(nil, awareness.Append(nil, []awareness.State{state(1, 100, `{"x":99}`)}))
	if body == nil || !slices.Equal(body.Body, want) || next(r) != nil {
		t.Errorf("body %v, want one with the last state, %v", body, want)
	}
	if late := f.NewReader(ReaderOptions{}); next(late) == nil {
		t.Error("a new reader does not get the awareness of all clients")
	}
	r.ResetAwareness()
	if next(r) == nil {
		t.Error("after a reset the reader does not get the awareness of all clients")
	}
}

// TestGoneClientsAreBounded: clients that join and leave are remembered up to MaxGone, and
// for goneFor.
func TestGoneClientsAreBounded(t *testing.T) {
	f, now := New(nil), time.Unix(1_800_000_000, 0)
	f.NoteAwareness([]awareness.State{state(1, 1, `{}`)}, now)
	for id := range uint64(3 * MaxGone) {
		f.NoteAwareness([]awareness.State{state(id+10, 1, `{}`)}, now)
		f.NoteAwareness([]awareness.State{state(id+10, 2, `null`)}, now)
		l := &f.awareness
		if n := len(l.byClient); n > MaxGone+2 || n != l.order.Len() || l.gone != n-1 {
			t.Fatalf("%d clients are remembered, %d of them as gone, want at most %d", n, l.gone, MaxGone)
		}
	}
	f.TrimAwareness(now.Add(goneFor))
	if n := len(f.awareness.byClient); n < MaxGone/2 {
		t.Errorf("only %d clients are remembered after %v", n, goneFor)
	}
	f.TrimAwareness(now.Add(goneFor + 1))
	if n := len(f.awareness.byClient); n != 1 {
		t.Errorf("%d clients are remembered after all but one have been gone for over %v", n, goneFor)
	}
}
