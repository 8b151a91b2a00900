package feed

import "sync"

// Shared is a message body that many peers get. A dialect puts a prefix before it (a
// channel or a document name); the frame with that prefix is made once and shared.
type Shared struct {
	Body []byte // must not be changed

	mu     sync.Mutex
	prefix string // of frame; empty if there is none yet
	frame  []byte
}

// Frame returns the body behind a prefix. The bytes are shared and must not be changed.
// Only the first prefix's frame is kept; others are made at each call. Safe for concurrent
// use.
func (s *Shared) Frame(prefix string) []byte {
	if prefix == "" {
		return s.Body
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.prefix == prefix {
		return s.frame
	}
	frame := append(append(make([]byte, 0, len(prefix)+len(s.Body)), prefix...), s.Body...)
	if s.prefix == "" {
		s.prefix, s.frame = prefix, frame
	}
	return frame
}
