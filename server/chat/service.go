// Package chat keeps one conversation per room: posting, reading back, and
// who is mentioned. It knows nothing of sockets, and nothing of push.
package chat

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"weft/server/auth"
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
	MaxQuote = 8 << 10
	maxID    = 64
)

// Store is the part of the store that chat needs.
type Store interface {
	PostMessage(ctx context.Context, m store.Message, fact bool) (store.Message, bool, error)
	Messages(ctx context.Context, room store.RoomID, p store.MessagePage) ([]store.Message, error)
	Members(ctx context.Context, room store.RoomID) ([]store.User, error)
}

// Service posts and reads messages. Safe for concurrent use.
type Service struct {
	store  Store
	posted func(store.Message)
	now    func() time.Time
	seed   maphash.Seed
	pace   *pace
	// order makes posted follow seq: a room's lock is held from storing a
	// message until it has been handed on.
	order [64]sync.Mutex
}

// New makes a service. posted is called with every new message, in order of
// seq within a room, after it is on disk; it must not block for long.
func New(s Store, posted func(store.Message), l Limits) *Service {
	return &Service{store: s, posted: posted, now: time.Now, seed: maphash.MakeSeed(), pace: newPace(l)}
}

// Post is what an author sends.
type Post struct {
	ID     string          `json:"id"` // empty: the server makes one
	Text   string          `json:"text"`
	Thread string          `json:"thread"`
	Quote  json.RawMessage `json:"quote"` // a JSON object, kept as it is

	// From is who is counted for the limits, if that is not the author: somebody
	// who is a new person with every request.
	From string `json:"-"`
}

// Post stores a message and hands it on. The same id from the same author is
// the same message, returned again. A *TooFast says that nothing has happened.
func (s *Service) Post(ctx context.Context, author auth.Identity, room store.RoomID, p Post) (store.Message, error) {
	if author.Role(string(room)) < auth.Comment {
		return store.Message{}, ErrForbidden
	}
	if p.ID == "" {
		p.ID = rand.Text()
	}
	if err := p.check(); err != nil {
		return store.Message{}, err
	}
	if err := s.pace.allow(cmp.Or(p.From, author.User), room, s.now()); err != nil {
		return store.Message{}, err
	}
	members, err := s.store.Members(ctx, room)
	if err != nil {
		return store.Message{}, err
	}
	m := store.Message{
		ID: p.ID, Room: room, User: store.User{ID: author.User, Name: author.Name},
		Text: p.Text, Thread: p.Thread, Quote: p.Quote,
		Mentions: Mentions(p.Text, members), Reactions: []store.Reaction{},
		CreatedAt: s.now().UTC().Truncate(time.Millisecond),
	}
	lock := &s.order[maphash.String(s.seed, string(room))%uint64(len(s.order))]
	lock.Lock()
	defer lock.Unlock()
	stored, created, err := s.store.PostMessage(ctx, m, len(m.Mentions) > 0)
	if err != nil {
		return store.Message{}, err
	}
	if created {
		s.posted(stored)
	}
	return stored, nil
}

// History reads a page of a room's messages.
func (s *Service) History(ctx context.Context, reader auth.Identity, room store.RoomID, p store.MessagePage) ([]store.Message, error) {
	if reader.Role(string(room)) < auth.Read {
		return nil, ErrForbidden
	}
	return s.store.Messages(ctx, room, p)
}

func (p Post) check() error {
	blank := true
	for _, r := range p.Text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return fmt.Errorf("%w: the text has a control character", ErrInvalid)
		}
		blank = blank && unicode.IsSpace(r)
	}
	switch {
	case !utf8.ValidString(p.Text):
		return fmt.Errorf("%w: the text is not UTF-8", ErrInvalid)
	case blank:
		return fmt.Errorf("%w: the text is empty", ErrInvalid)
	case len(p.Text) > MaxBytes || utf8.RuneCountInString(p.Text) > MaxText:
		return fmt.Errorf("%w: the text is too long, the limit is %d characters", ErrInvalid, MaxText)
	case !plainID(p.ID):
		return fmt.Errorf("%w: id must be 1 to %d letters, digits, '-', '_', '.' or ':'", ErrInvalid, maxID)
	case p.Thread != "" && !plainID(p.Thread):
		return fmt.Errorf("%w: thread must be a message id", ErrInvalid)
	case len(p.Quote) > MaxQuote:
		return fmt.Errorf("%w: the quote has %d bytes, the limit is %d", ErrInvalid, len(p.Quote), MaxQuote)
	}
	if p.Quote != nil {
		var object map[string]json.RawMessage
		if err := json.Unmarshal(p.Quote, &object); err != nil {
			return fmt.Errorf("%w: quote must be a JSON object", ErrInvalid)
		}
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
