package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// said is a chat message as somebody was told it.
type said struct {
	ID      string `json:"id"`
	Seq     int    `json:"seq"`
	Rev     int    `json:"rev"`
	Text    string `json:"text"`
	Deleted bool   `json:"deleted"`
	User    struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
}

// A chatLog is everything that anybody was told of the rooms' chats: which
// message is at which seq, what it was at which rev, and when which operation was
// under way.
type chatLog struct {
	begun time.Time

	mu    sync.Mutex
	rooms map[string]*roomLog
	wrong []string
	told  int // messages, over and over
}

type roomLog struct {
	at  map[int]map[int]said // by seq and rev
	seq map[string]int       // by id
	ops []porcupine.Operation
}

func newChatLog() *chatLog { return &chatLog{begun: time.Now(), rooms: map[string]*roomLog{}} }

// room is called with mu held.
func (l *chatLog) room(name string) *roomLog {
	r := l.rooms[name]
	if r == nil {
		r = &roomLog{at: map[int]map[int]said{}, seq: map[string]int{}}
		l.rooms[name] = r
	}
	return r
}

func (l *chatLog) now() int64 { return int64(time.Since(l.begun)) }

func (l *chatLog) complain(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrongly(format, args...)
}

// wrongly is called with mu held.
func (l *chatLog) wrongly(format string, args ...any) {
	if len(l.wrong) < 20 {
		l.wrong = append(l.wrong, fmt.Sprintf(format, args...))
	}
}

// saw compares what somebody was told with what anybody was told before: one
// message by one author at each seq, one seq for each id, one text at each rev.
func (l *chatLog) saw(room string, m said) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told++
	r := l.room(room)
	if seq, ok := r.seq[m.ID]; ok && seq != m.Seq {
		l.wrongly("%s: message %s is at %d and at %d", room, m.ID, seq, m.Seq)
	}
	for _, known := range r.at[m.Seq] {
		if known.ID != m.ID || known.User != m.User {
			l.wrongly("%s: at %d there is %+v and %+v", room, m.Seq, known, m)
		}
	}
	if r.at[m.Seq] == nil {
		r.at[m.Seq] = map[int]said{}
	}
	if known, ok := r.at[m.Seq][m.Rev]; ok && known != m {
		l.wrongly("%s: %d at rev %d is %+v and %+v", room, m.Seq, m.Rev, known, m)
	}
	r.at[m.Seq][m.Rev], r.seq[m.ID] = m, m.Seq
}

// The model of one room's chat is how many messages it has. Which they are is
// compared everywhere by saw, so an operation's seq says all; the model has the
// times: some order of the operations, each between its call and its return,
// explains all answers.
type chatOp struct {
	kind chatKind
	seq  int
}

type chatKind int

const (
	posted  chatKind = iota // the message at seq was stored, as the last one
	ended                   // the last message was at seq
	reached                 // the message at seq was there
)

func (k chatKind) String() string { return [...]string{"posted", "ended", "reached"}[k] }

var chatModel = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, _ any) (bool, any) {
		length, op := state.(int), input.(chatOp)
		switch op.kind {
		case posted:
			return op.seq == length+1, op.seq
		case ended:
			return op.seq == length, length
		default:
			return length >= op.seq, length
		}
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprint(input.(chatOp).kind, " ", input.(chatOp).seq) },
}

// did records an operation that returns now.
func (l *chatLog) did(room string, client int, call int64, kind chatKind, seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(room)
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: chatOp{kind, seq}, Call: call, Return: l.now()})
}

// check compares everything that was told with the whole history as it is now,
// by room, and looks for an order that explains the answers.
func (l *chatLog) check(t *testing.T, histories map[string][]said) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for room, history := range histories {
		ids := map[string]bool{}
		for i, m := range history {
			if m.Seq != i+1 {
				l.wrongly("%s: message %d has seq %d", room, i+1, m.Seq)
			}
			if ids[m.ID] {
				l.wrongly("%s: message %s is there twice", room, m.ID)
			}
			ids[m.ID] = true
		}
		r := l.room(room)
		for seq, revs := range r.at {
			for rev, told := range revs {
				switch {
				case seq > len(history) || history[seq-1].ID != told.ID:
					l.wrongly("%s: message %s at %d is lost", room, told.ID, seq)
				case history[seq-1].Rev < rev:
					l.wrongly("%s: message %s at %d has rev %d, it had %d", room, told.ID, seq, history[seq-1].Rev, rev)
				case history[seq-1].Rev == rev && history[seq-1] != told:
					l.wrongly("%s: at %d there is %+v, there was %+v", room, seq, history[seq-1], told)
				}
			}
		}
		if result := porcupine.CheckOperationsTimeout(chatModel, r.ops, 4*patience); result != porcupine.Ok {
			l.wrongly("%s: %d operations in no order that explains their answers: %s", room, len(r.ops), result)
		}
	}
	for _, wrong := range l.wrong {
		t.Error(wrong)
	}
}

// operations is how many were recorded.
func (l *chatLog) operations() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.rooms {
		n += len(r.ops)
	}
	return n
}

// TestChatModel: the check finds what it is there to find.
func TestChatModel(t *testing.T) {
	op := func(call, ret int64, kind chatKind, seq int) porcupine.Operation {
		return porcupine.Operation{Input: chatOp{kind, seq}, Call: call, Return: ret}
	}
	for name, c := range map[string]struct {
		ops  []porcupine.Operation
		want bool
	}{
		"one after the other":        {[]porcupine.Operation{op(0, 1, posted, 1), op(2, 3, posted, 2), op(4, 5, ended, 2)}, true},
		"two at once":                {[]porcupine.Operation{op(0, 9, posted, 2), op(0, 9, posted, 1), op(3, 4, ended, 1)}, true},
		"a reader before the answer": {[]porcupine.Operation{op(0, 9, posted, 1), op(3, 4, reached, 1)}, true},
		"lost":                       {[]porcupine.Operation{op(0, 1, posted, 1), op(2, 3, ended, 0)}, false},
		"two at one place":           {[]porcupine.Operation{op(0, 9, posted, 1), op(0, 9, posted, 1)}, false},
		"a hole":                     {[]porcupine.Operation{op(0, 1, posted, 1), op(0, 1, posted, 3)}, false},
		"in the wrong order":         {[]porcupine.Operation{op(0, 1, posted, 2), op(2, 3, posted, 1)}, false},
		"told and taken back":        {[]porcupine.Operation{op(0, 9, posted, 1), op(1, 2, reached, 1), op(3, 4, ended, 0)}, false},
	} {
		if got := porcupine.CheckOperations(chatModel, c.ops); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
