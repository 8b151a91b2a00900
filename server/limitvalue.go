package server

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// limitValue reads and writes the value of one limit as operators write it. The kinds:
//
//	countLimit   500                        a whole number
//	sizeLimit    500, 64KiB, 1MiB, 2GiB     bytes
//	memoryLimit  as sizeLimit               bytes of the whole process; 0: unlimited
//	rateLimit    RATE or RATE:BURST         events or bytes a second; 0: unlimited
//	timeLimit    30s, 5m                    at most maxTime
type limitValue interface {
	// set parses text into the limit's field. It leaves l alone if it returns an error.
	set(l *limits, text string) error
	// format returns the value in the form in which it is listed.
	format(l *limits) string
	// zeroMeans tells what a value of 0 stands for.
	zeroMeans() zeroMeaning
}

// zeroMeaning says what the value 0 of a limit means.
type zeroMeaning int

const (
	zeroRefused   zeroMeaning = iota // 0 would refuse everything, so it cannot be set
	zeroUnlimited                    // 0 switches the limit off
)

var errZero = errors.New("want a value above 0")

// countLimit is a whole number of things.
type countLimit struct {
	zero  zeroMeaning
	field func(*limits) *int
}

func (c countLimit) set(l *limits, text string) error {
	n, err := strconv.ParseUint(text, 10, 50)
	switch {
	case err != nil:
		return fmt.Errorf("%q: want a whole number without a unit", text)
	case n == 0 && c.zero == zeroRefused:
		return errZero
	}
	*c.field(l) = int(n)
	return nil
}

func (c countLimit) format(l *limits) string { return strconv.Itoa(*c.field(l)) }
func (c countLimit) zeroMeans() zeroMeaning  { return c.zero }

// sizeLimit is a number of bytes, above 0.
type sizeLimit struct{ field func(*limits) *int }

func (s sizeLimit) set(l *limits, text string) error {
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	if n == 0 {
		return errZero
	}
	*s.field(l) = int(n)
	return nil
}

func (s sizeLimit) format(l *limits) string {
	if v := *s.field(l); v < 1<<20 {
		return fmt.Sprintf("%dKiB", v>>10)
	} else {
		return fmt.Sprintf("%dMiB", v>>20)
	}
}

func (s sizeLimit) zeroMeans() zeroMeaning { return zeroRefused }

// memoryLimit bounds memory of the whole process, in bytes. Its default depends on
// GOMEMLIMIT.
type memoryLimit struct{ field func(*limits) *int64 }

func (m memoryLimit) set(l *limits, text string) error {
	n, err := parseSize(text)
	if err != nil {
		return err
	}
	*m.field(l) = n
	return nil
}

func (m memoryLimit) format(*limits) string  { return fmt.Sprintf("%d%% of GOMEMLIMIT", memoryShare) }
func (m memoryLimit) zeroMeans() zeroMeaning { return zeroUnlimited }

// rateLimit is a token bucket: so many a second, and so many at once (the burst).
type rateLimit struct {
	fields func(*limits) (perSecond *rate.Limit, burst *int)
}

func (r rateLimit) set(l *limits, text string) error {
	perSecond, burst := r.fields(l)
	rateText, burstText, withBurst := strings.Cut(text, ":")
	amount, err := parseSize(rateText)
	if err != nil {
		return err
	}
	newBurst := defaultBurst(rate.Limit(amount), *perSecond, *burst)
	if withBurst {
		b, err := parseSize(burstText)
		if err != nil || b < 1 {
			return fmt.Errorf("%q: want RATE:BURST with a burst of 1 or more", text)
		}
		newBurst = int(b)
	}
	if amount == 0 {
		*perSecond = rate.Inf
		return nil
	}
	*perSecond, *burst = rate.Limit(amount), newBurst
	return nil
}

// burstSeconds is how many seconds of a rate may come at once when neither the operator
// nor the default says how many.
const burstSeconds = 4

// defaultBurst is the burst of a rate that is set without one: the proportion between
// burst and rate stays as it was before.
func defaultBurst(now, before rate.Limit, burst int) int {
	if before == rate.Inf || before <= 0 {
		return int(burstSeconds * now)
	}
	return max(int(float64(burst)*float64(now)/float64(before)), 1)
}

func (r rateLimit) format(l *limits) string {
	perSecond, burst := r.fields(l)
	return fmt.Sprintf("%g:%d a second", float64(*perSecond), *burst)
}

func (r rateLimit) zeroMeans() zeroMeaning { return zeroUnlimited }

// timeLimit is a duration.
type timeLimit struct {
	zero  zeroMeaning
	field func(*limits) *time.Duration
}

// maxTime is well below the age at which a push is not sent any more.
const maxTime = time.Hour

func (t timeLimit) set(l *limits, text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil || d < 0 || d > maxTime:
		return fmt.Errorf("%q: want a duration between 0s and %v", text, maxTime)
	case d == 0 && t.zero == zeroRefused:
		return errZero
	}
	*t.field(l) = d
	return nil
}

func (t timeLimit) format(l *limits) string { return t.field(l).String() }
func (t timeLimit) zeroMeans() zeroMeaning  { return t.zero }

// parseSize reads a number of bytes: 500, 64KiB, 1MiB or 2GiB; at most 1 PiB.
func parseSize(text string) (int64, error) {
	const most = 1 << 50
	digits := strings.TrimRight(text, "KMGiB")
	factor, ok := map[string]int64{"": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[text[len(digits):]]
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil || n < 0 || n > math.MaxInt64/factor || n*factor > most {
		return 0, fmt.Errorf("%q: want a whole number, for sizes with KiB, MiB or GiB", text)
	}
	return n * factor, nil
}
