// Package problem is the one table of everything that a client can be refused
// for. Each kind of problem has a stable code, an HTTP status, a WebSocket close
// code and a title. All doors print it:
//
//	HTTP API        an RFC 9457 problem: title, status, detail and the member "code"
//	native sockets  the events "failed" and "unsent"; and "refused", with the close code
//	Hocuspocus      the reason of a denied document
//
// An error of a library becomes a Problem with Of; a door that refuses something
// itself makes one with Kind.New.
package problem

import (
	"errors"
	"time"

	"weft/server/chat"
	"weft/server/event"
	"weft/server/wire"
)

// Kind is one row of the table.
type Kind struct {
	// Code names the kind, in lower case with hyphens. Programs depend on it:
	// it never changes.
	Code event.ProblemCode
	// Status is the HTTP status.
	Status int
	// Close is the WebSocket close code of a connection or room that is refused
	// for this. 0: no socket is.
	Close wire.CloseCode
	// Title is the same for every problem of this kind, for people.
	Title string
	// Retry is how long a client waits before it tries the same again, unless
	// the Problem knows better. 0: trying again unchanged does not help.
	Retry time.Duration
}

// New makes a problem of this kind. detail says more about this occurrence, for
// people; it may be empty.
func (k *Kind) New(detail string) *Problem {
	return &Problem{Kind: k, Detail: detail, Retry: k.Retry}
}

// Problem is why one request was refused. It is an error.
type Problem struct {
	*Kind
	// Detail says more about this occurrence, for people; it may be empty.
	Detail string
	// Retry is how long the client waits before it tries again; 0: see Kind.Retry.
	Retry time.Duration
}

// Error implements error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// Is tells whether target is a problem of the same kind, for errors.Is.
func (p *Problem) Is(target error) bool {
	t, ok := target.(*Problem)
	return ok && t.Kind == p.Kind
}

// Reason is the text that goes with a close code.
func (p *Problem) Reason() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Detail
}

// RetrySeconds is Retry in whole seconds, rounded up.
func (p *Problem) RetrySeconds() int { return int((p.Retry + time.Second - 1) / time.Second) }

// Failure is the problem as the native protocol says it.
func (p *Problem) Failure() event.Failure {
	return event.Failure{Code: p.Code, Status: p.Status, Title: p.Title, Detail: p.Detail, RetryAfter: p.RetrySeconds()}
}

// Of finds what to tell a client about err. A Problem that other text was
// wrapped around has all of the text as its detail. For an error that is not in
// the table, known is false and the problem is Internal: only the log may have
// the cause.
func Of(err error) (p *Problem, known bool) {
	if errors.As(err, &p) {
		if error(p) != err {
			p = &Problem{Kind: p.Kind, Detail: err.Error(), Retry: p.Retry}
		}
		return p, true
	}
	if fast := (*chat.RateLimitError)(nil); errors.As(err, &fast) {
		p = TooManyMessages.New(err.Error())
		p.Retry = time.Duration(fast.Seconds()) * time.Second
		return p, true
	}
	for _, row := range causes {
		if !errors.Is(err, row.err) {
			continue
		}
		if row.detail != "" {
			return row.kind.New(row.detail), true
		}
		return row.kind.New(err.Error()), true
	}
	return Internal.New(""), false
}
