package awareness

// Remembered is the number of departed clients whose clock is kept.
func (s *Set) Remembered() int { return len(s.clients) - s.live }
