// Package chat keeps one conversation per room: posting, editing, reactions,
// history, search, unread counts and mentions. It checks rights, limits and content;
// the store keeps the messages. The package does not use sockets or push.
package chat

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"weft/server/auth"
	"weft/server/internal/ratelimit"
	"weft/server/store"
)

// Errors of the service, beside those of store.Chat, which are passed on.
var (
	// ErrForbidden says that the person's role in the room does not allow it.
	ErrForbidden = errors.New("chat: you may not write here")
	// ErrInvalid says that the request breaks a rule; the wrapping error says which.
	ErrInvalid = errors.New("chat: invalid message")
)

// Limits of a message.
const (
	MaxText  = 4000     // characters of text
	MaxBytes = 16 << 10 // bytes of text
	maxID    = 64       // bytes
)

// Store is the part of the store that chat needs.
type Store interface {
	store.Chat
	Members(ctx context.Context, room store.RoomID) ([]store.User, error)
}

// Config of a Service. Store is required; a nil function is not called. Functions
// are called from many goroutines at once.
type Config struct {
	Store Store
	// Posted is called with every new message, Changed with every changed message as
	// the change left it, once that is durable. Calls for one room come one after
	// another, in order of rev. They delay the room's next changes, so they must not
	// block for long.
	Posted, Changed func(store.Message)
	// SystemPosted is called with every new system message, in any order.
	SystemPosted func(room store.RoomID, m store.SystemMessage)
	// Read is called after a person has marked a room as read, in any order.
	Read func(room store.RoomID, user string, u store.Unread)
	// Barred reports whether the user may no longer even read the room. They are not
	// found as mentions then.
	Barred func(user string, room store.RoomID) bool
	Limits Limits
	// OnLimit is called with the name of a limit each time that it refuses something:
	// "chat", "room-chat" or "text". It must not block.
	OnLimit func(limit string)
	// Epoch names the history that Store holds; see Position.
	Epoch string
}

// Service posts, changes and reads messages. Safe for concurrent use.
type Service struct {
	c         Config
	now       func() time.Time
	limiters  *ratelimit.Keyed[limitKey]
	searching chan struct{} // a semaphore: holds one token for each search in progress
	batcher   *batcher
}

// New makes a service. It has no goroutines and needs no closing.
func New(c Config) *Service {
	if c.Posted == nil {
		c.Posted = func(store.Message) {}
	}
	if c.Changed == nil {
		c.Changed = func(store.Message) {}
	}
	if c.SystemPosted == nil {
		c.SystemPosted = func(store.RoomID, store.SystemMessage) {}
	}
	if c.Read == nil {
		c.Read = func(store.RoomID, string, store.Unread) {}
	}
	if c.Barred == nil {
		c.Barred = func(string, store.RoomID) bool { return false }
	}
	if c.OnLimit == nil {
		c.OnLimit = func(string) {}
	}
	s := &Service{c: c, now: time.Now, limiters: ratelimit.New[limitKey](0), searching: make(chan struct{}, maxSearches)}
	s.batcher = newBatcher(s.announce)
	return s
}

// Post is what an author sends.
type Post struct {
	ID     string          `json:"id"` // empty: the server makes one
	Text   string          `json:"text"`
	Thread string          `json:"thread"`
	Quote  json.RawMessage `json:"quote"` // see checkQuote; stored as it is

	// CountedAs is the person that the rate limits count this for; empty means the
	// author. It is for authors who are a new person with every request.
	CountedAs string `json:"-"`
}

// Post stores a message and announces it. If the author has posted the same id in
// the room before, that message is returned and nothing is stored. Thread is the id of
// a message in the room that this one replies to.
//
// Errors: ErrForbidden, ErrInvalid, *RateLimitError, store.ErrConflict,
// store.ErrNoMessage (no such thread), store.ErrDeleted. Nothing is stored then.
func (s *Service) Post(ctx context.Context, author auth.Identity, room store.RoomID, p Post) (store.Message, error) {
	if author.Role(string(room)) < auth.Comment {
		return store.Message{}, ErrForbidden
	}
	if p.ID == "" {
		p.ID = rand.Text()
	}
	if string(p.Quote) == "null" {
		p.Quote = nil
	}
	if err := s.countLimit(p.check()); err != nil {
		return store.Message{}, err
	}
	if err := s.takeToken(cmp.Or(p.CountedAs, author.User), room); err != nil {
		return store.Message{}, err
	}
	mentions, err := s.findMentions(ctx, room, p.Text)
	if err != nil {
		return store.Message{}, err
	}
	m := store.Message{
		ID: p.ID, Room: room, User: store.User{ID: author.User, Name: author.Name},
		Text: p.Text, Thread: p.Thread, Quote: p.Quote, Mentions: mentions,
		CreatedAt: s.now().UTC().Truncate(time.Millisecond),
	}
	outbox := store.NoOutbox
	if len(m.Mentions) > 0 || m.Thread != "" {
		outbox = store.WithOutbox
	}
	return s.batcher.do(room, &change{ctx: ctx, isPost: true, store: func() (store.Message, bool, error) {
		return s.c.Store.PostMessage(ctx, m, outbox)
	}})
}

// findMentions returns which members of the room a text mentions.
func (s *Service) findMentions(ctx context.Context, room store.RoomID, text string) ([]store.Mention, error) {
	if !strings.Contains(text, "@") {
		return []store.Mention{}, nil
	}
	members, err := s.c.Store.Members(ctx, room)
	if err != nil {
		return nil, err
	}
	members = slices.DeleteFunc(members, func(u store.User) bool { return s.c.Barred(u.ID, room) })
	return Mentions(text, members), nil
}

// check returns an ErrInvalid that names the first rule that the post breaks.
func (p Post) check() error {
	if err := checkText(p.Text); err != nil {
		return err
	}
	switch {
	case !isPlainID(p.ID):
		return fmt.Errorf("%w: id must be 1 to %d letters, digits, '-', '_', '.' or ':'", ErrInvalid, maxID)
	case p.Thread != "" && !isPlainID(p.Thread):
		return fmt.Errorf("%w: thread must be a message id", ErrInvalid)
	}
	return checkQuote(p.Quote)
}

// errTooLong is the ErrInvalid of a text beyond MaxText or MaxBytes.
var errTooLong = fmt.Errorf("%w: the text is too long, the limit is %d characters", ErrInvalid, MaxText)

// countLimit calls OnLimit if err comes from a limit. It returns err.
func (s *Service) countLimit(err error) error {
	if errors.Is(err, errTooLong) {
		s.c.OnLimit("text")
	}
	return err
}

// checkText checks that a text is UTF-8 without control characters other than line
// feed and tab, not blank, and not too long.
func checkText(text string) error {
	isBlank := true
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return fmt.Errorf("%w: the text has a control character", ErrInvalid)
		}
		isBlank = isBlank && unicode.IsSpace(r)
	}
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: the text is not UTF-8", ErrInvalid)
	case isBlank:
		return fmt.Errorf("%w: the text is empty", ErrInvalid)
	case len(text) > MaxBytes || utf8.RuneCountInString(text) > MaxText:
		return errTooLong
	}
	return nil
}

// isPlainID reports whether s may be a message id.
func isPlainID(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return true
}
