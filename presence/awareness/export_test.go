package awareness

// Remembered is the number of departed clients whose clock is kept.
func (s *Set) Remembered() int { return len(s.clients) - s.live }

// IsColor is isColor for tests of package awareness_test.
var IsColor = isColor
