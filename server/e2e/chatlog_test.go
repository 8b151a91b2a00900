package e2e

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
)

// chatMessage is a chat message as a client received it.
type chatMessage struct {
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

// A chatLog records everything that any client received of the rooms' chats: which message
// has which seq, its content at each rev, and the start and end of each operation. Safe for
// concurrent use.
type chatLog struct {
	begun time.Time

	mu       sync.Mutex
	rooms    map[string]*roomLog
	problems []string
	received int // messages, over and over
}

type roomLog struct {
	messages map[int]map[int]chatMessage // by seq and rev
	seqs     map[string]int              // seq by message id
	ops      []porcupine.Operation
}

func newChatLog() *chatLog { return &chatLog{begun: time.Now(), rooms: map[string]*roomLog{}} }

// room returns the log of a room. mu must be held.
func (l *chatLog) room(name string) *roomLog {
	r := l.rooms[name]
	if r == nil {
		r = &roomLog{messages: map[int]map[int]chatMessage{}, seqs: map[string]int{}}
		l.rooms[name] = r
	}
	return r
}

func (l *chatLog) now() int64 { return int64(time.Since(l.begun)) }

func (l *chatLog) addProblem(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.addProblemLocked(format, args...)
}

// addProblemLocked records a problem, up to 20 of them. mu must be held.
func (l *chatLog) addProblemLocked(format string, args ...any) {
	if len(l.problems) < 20 {
		l.problems = append(l.problems, fmt.Sprintf(format, args...))
	}
}

// sawMessage compares a message that a client received with all that were received before:
// each seq must have one message of one author, each id one seq, each rev one content.
func (l *chatLog) sawMessage(room string, m chatMessage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.received++
	r := l.room(room)
	if seq, ok := r.seqs[m.ID]; ok && seq != m.Seq {
		l.addProblemLocked("%s: message %s is at %d and at %d", room, m.ID, seq, m.Seq)
	}
	for _, known := range r.messages[m.Seq] {
		if known.ID != m.ID || known.User != m.User {
			l.addProblemLocked("%s: at %d there is %+v and %+v", room, m.Seq, known, m)
		}
	}
	if r.messages[m.Seq] == nil {
		r.messages[m.Seq] = map[int]chatMessage{}
	}
	if known, ok := r.messages[m.Seq][m.Rev]; ok && known != m {
		l.addProblemLocked("%s: %d at rev %d is %+v and %+v", room, m.Seq, m.Rev, known, m)
	}
	r.messages[m.Seq][m.Rev], r.seqs[m.ID] = m, m.Seq
}

// chatOp is an operation in porcupine's model of one room's chat. The state of the model is
// only the number of messages: sawMessage compares their content, so the seq identifies a
// message. Porcupine checks that the operations are linearizable: there is an order in which
// each takes effect between its call and its return, and which explains all results.
type chatOp struct {
	kind chatKind
	seq  int
}

type chatKind int

const (
	opAppended chatKind = iota // a message was stored and got seq
	opReadLast                 // a read found that the last message has seq
	opReadSeq                  // a read found a message at seq
)

func (k chatKind) String() string { return [...]string{"posted", "ended", "reached"}[k] }

var chatModel = porcupine.Model{
	Init: func() any { return 0 },
	Step: func(state, input, _ any) (bool, any) {
		length, op := state.(int), input.(chatOp)
		switch op.kind {
		case opAppended:
			return op.seq == length+1, op.seq
		case opReadLast:
			return op.seq == length, length
		default:
			return length >= op.seq, length
		}
	},
	DescribeOperation: func(input, _ any) string { return fmt.Sprint(input.(chatOp).kind, " ", input.(chatOp).seq) },
}

// addOperation records an operation that was called at call and returns now.
func (l *chatLog) addOperation(room string, client int, call int64, kind chatKind, seq int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.room(room)
	r.ops = append(r.ops, porcupine.Operation{ClientId: client, Input: chatOp{kind, seq}, Call: call, Return: l.now()})
}

// check compares everything that clients received with the rooms' histories as they are now,
// checks linearizability, and reports all problems recorded so far.
func (l *chatLog) check(t *testing.T, histories map[string][]chatMessage) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for room, history := range histories {
		ids := map[string]bool{}
		for i, m := range history {
			if m.Seq != i+1 {
				l.addProblemLocked("%s: message %d has seq %d", room, i+1, m.Seq)
			}
			if ids[m.ID] {
				l.addProblemLocked("%s: message %s is there twice", room, m.ID)
			}
			ids[m.ID] = true
		}
		r := l.room(room)
		for seq, revs := range r.messages {
			for rev, seen := range revs {
				switch {
				case seq > len(history) || history[seq-1].ID != seen.ID:
					l.addProblemLocked("%s: message %s at %d is lost", room, seen.ID, seq)
				case history[seq-1].Rev < rev:
					l.addProblemLocked("%s: message %s at %d has rev %d, it had %d", room, seen.ID, seq, history[seq-1].Rev, rev)
				case history[seq-1].Rev == rev && history[seq-1] != seen:
					l.addProblemLocked("%s: at %d there is %+v, there was %+v", room, seq, history[seq-1], seen)
				}
			}
		}
		if result := porcupine.CheckOperationsTimeout(chatModel, r.ops, 4*timeout); result != porcupine.Ok {
			l.addProblemLocked("%s: %d operations in no order that explains their answers: %s", room, len(r.ops), result)
		}
	}
	for _, wrong := range l.problems {
		t.Error(wrong)
	}
}

// operations returns the number of recorded operations.
func (l *chatLog) operations() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, r := range l.rooms {
		n += len(r.ops)
	}
	return n
}

// TestChatModel checks that the model accepts valid histories and rejects invalid ones.
func TestChatModel(t *testing.T) {
	op := func(call, ret int64, kind chatKind, seq int) porcupine.Operation {
		return porcupine.Operation{Input: chatOp{kind, seq}, Call: call, Return: ret}
	}
	for name, c := range map[string]struct {
		ops  []porcupine.Operation
		want bool
	}{
		"one after the other":        {[]porcupine.Operation{op(0, 1, opAppended, 1), op(2, 3, opAppended, 2), op(4, 5, opReadLast, 2)}, true},
		"two at once":                {[]porcupine.Operation{op(0, 9, opAppended, 2), op(0, 9, opAppended, 1), op(3, 4, opReadLast, 1)}, true},
		"a reader before the answer": {[]porcupine.Operation{op(0, 9, opAppended, 1), op(3, 4, opReadSeq, 1)}, true},
		"lost":                       {[]porcupine.Operation{op(0, 1, opAppended, 1), op(2, 3, opReadLast, 0)}, false},
		"two at one place":           {[]porcupine.Operation{op(0, 9, opAppended, 1), op(0, 9, opAppended, 1)}, false},
		"a hole":                     {[]porcupine.Operation{op(0, 1, opAppended, 1), op(0, 1, opAppended, 3)}, false},
		"in the wrong order":         {[]porcupine.Operation{op(0, 1, opAppended, 2), op(2, 3, opAppended, 1)}, false},
		"read and later missing":     {[]porcupine.Operation{op(0, 9, opAppended, 1), op(1, 2, opReadSeq, 1), op(3, 4, opReadLast, 0)}, false},
	} {
		if got := porcupine.CheckOperations(chatModel, c.ops); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
