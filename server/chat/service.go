// Package chat keeps one conversation per room: posting, changing, reading
// back, what is unread, and who is mentioned. It knows nothing of sockets, and
// nothing of push.
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

// Errors of the service; doors turn them outward.
var (
	ErrForbidden = errors.New("chat: you may not write here")
	ErrInvalid   = errors.New("chat: invalid message")
)

// Limits of a message.
const (
	MaxText  = 4000     // characters
	MaxBytes = 16 << 10 // bytes of text
	maxID    = 64
)

// Store is the part of the store that chat needs.
type Store interface {
	store.Chat
	Members(ctx context.Context, room store.RoomID) ([]store.User, error)
}

// Config of a Service. Store is required; a nil function is not called.
type Config struct {
	Store Store
	// Posted is called with every new message, and Changed with every message as
	// it is after a change of it, in order of rev within a room, once that is on
	// disk. They must not block for long.
	Posted, Changed func(store.Message)
	// SystemPosted is called with every new system message, in any order.
	SystemPosted func(room store.RoomID, l store.SystemMessage)
	// Read is called after a person has marked a room as read, in any order.
	Read func(room store.RoomID, user string, u store.Unread)
	// Barred tells whether a person may not even read the room any more; they
	// can't be mentioned.
	Barred func(user string, room store.RoomID) bool
	Limits Limits
	// OnLimit is called with the name of a limit each time that it refuses something. It must not
	// block.
	OnLimit func(limit string)
	// Epoch names the history that Store holds; see Position.
	Epoch string
}

// Service posts, changes and reads messages. Safe for concurrent use.
type Service struct {
	c        Config
	now      func() time.Time
	limiters *ratelimit.Keyed[limitKey]
	// searching holds a token for each search under way.
	searching chan struct{}
	turns     *turns
}

// New makes a service.
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
	s := &Service{c: c, now: time.Now, limiters: ratelimit.New[limitKey](0), searching: make(chan struct{}, searches)}
	s.turns = newTurns(s.handOn)
	return s
}

// Post is what an author sends.
type Post struct {
	ID     string          `json:"id"` // empty: the server makes one
	Text   string          `json:"text"`
	Thread string          `json:"thread"`
	Quote  json.RawMessage `json:"quote"` // see checkQuote; kept as it is

	// From is who is counted for the limits, if that is not the author: somebody
	// who is a new person with every request.
	From string `json:"-"`
}

// Post stores a message and hands it on. The same id from the same author is
// the same message, returned again. A thread is the id of a message here, or
// store.ErrNoMessage. A *RateLimitError says that nothing has happened.
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
	if err := s.counted(p.check()); err != nil {
		return store.Message{}, err
	}
	if err := s.takeToken(cmp.Or(p.From, author.User), room); err != nil {
		return store.Message{}, err
	}
	mentions, err := s.mentions(ctx, room, p.Text)
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
	return s.turns.do(room, &change{ctx: ctx, post: true, make: func() (store.Message, bool, error) {
		return s.c.Store.PostMessage(ctx, m, outbox)
	}})
}

// mentions finds who is mentioned in a text for the room.
func (s *Service) mentions(ctx context.Context, room store.RoomID, text string) ([]store.Mention, error) {
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

func (p Post) check() error {
	if err := checkText(p.Text); err != nil {
		return err
	}
	switch {
	case !plainID(p.ID):
		return fmt.Errorf("%w: id must be 1 to %d letters, digits, '-', '_', '.' or ':'", ErrInvalid, maxID)
	case p.Thread != "" && !plainID(p.Thread):
		return fmt.Errorf("%w: thread must be a message id", ErrInvalid)
	}
	return checkQuote(p.Quote)
}

// errTooLong is an ErrInvalid.
var errTooLong = fmt.Errorf("%w: the text is too long, the limit is %d characters", ErrInvalid, MaxText)

// counted counts err if a limit is the reason for it.
func (s *Service) counted(err error) error {
	if errors.Is(err, errTooLong) {
		s.c.OnLimit("text")
	}
	return err
}

func checkText(text string) error {
	blank := true
	for _, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return fmt.Errorf("%w: the text has a control character", ErrInvalid)
		}
		blank = blank && unicode.IsSpace(r)
	}
	switch {
	case !utf8.ValidString(text):
		return fmt.Errorf("%w: the text is not UTF-8", ErrInvalid)
	case blank:
		return fmt.Errorf("%w: the text is empty", ErrInvalid)
	case len(text) > MaxBytes || utf8.RuneCountInString(text) > MaxText:
		return errTooLong
	}
	return nil
}

func plainID(s string) bool {
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
