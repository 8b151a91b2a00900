package awareness

// Remembered returns the number of clients that have left and whose clock is kept.
func (s *Set) Remembered() int { return len(s.clients) - s.live }

// IsColor is isColor for tests of package awareness_test.
var IsColor = isColor
