package ws

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

func from(remote string, forwarded ...string) *http.Request {
	r := &http.Request{RemoteAddr: remote, Header: http.Header{}}
	for _, f := range forwarded {
		r.Header.Add("X-Forwarded-For", f)
	}
	return r
}

// counted are limits whose hits are counted in hits, unless that is nil.
func counted(l Limits, hits map[string]int) *limits {
	return &limits{l, func(limit string) {
		if hits != nil {
			hits[limit]++
		}
	}}
}

// TestConnectionLimits: each limit lets in as many as it says and refuses one
// more, until one leaves; others have nothing to do with it.
func TestConnectionLimits(t *testing.T) {
	many := func(l Limits) Limits { // only what the case is about
		l.New, l.NewAll = rate.Inf, rate.Inf
		return l
	}
	for limit, c := range map[string]struct {
		limits Limits
		come   func(a *admission, n int) (*admittedConn, error)
		other  func(a *admission) (*admittedConn, error)
	}{
		"address": {
			many(Limits{PerAddr: 5}),
			func(a *admission, _ int) (*admittedConn, error) { return a.admit(from("192.0.2.1:1"), authenticated) },
			func(a *admission) (*admittedConn, error) { return a.admit(from("192.0.2.2:1"), authenticated) },
		},
		"strangers": {
			many(Limits{Unauthenticated: 5}),
			func(a *admission, _ int) (*admittedConn, error) { return a.admit(from("192.0.2.1:1"), unauthenticated) },
			func(a *admission) (*admittedConn, error) { return a.admit(from("192.0.2.1:1"), authenticated) },
		},
		"person": {
			many(Limits{PerPerson: 5}),
			func(a *admission, n int) (*admittedConn, error) {
				in, err := a.admit(from(fmt.Sprintf("192.0.2.%d:1", n)), unauthenticated)
				if err == nil {
					if err = in.markAuthenticated("ana"); err != nil {
						in.release()
					}
				}
				return in, err
			},
			func(a *admission) (*admittedConn, error) {
				in, err := a.admit(from("192.0.2.1:1"), unauthenticated)
				return in, errors.Join(err, in.markAuthenticated("ben"), in.markAuthenticated(""))
			},
		},
	} {
		t.Run(limit, func(t *testing.T) {
			hits := map[string]int{}
			a := newAdmission(*counted(c.limits, hits), nil)
			var here []*admittedConn
			for n := range 5 {
				in, err := c.come(a, n)
				if err != nil {
					t.Fatalf("number %d: %v", n+1, err)
				}
				here = append(here, in)
			}
			if len(hits) > 0 {
				t.Errorf("at the limit %v are counted", hits)
			}
			if _, err := c.come(a, 5); !errors.Is(err, ErrTooMany) {
				t.Errorf("one more: %v", err)
			}
			other, err := c.other(a)
			if err != nil {
				t.Errorf("somebody else: %v", err)
			}
			here[0].release()
			here[0].release() // counts once
			if here[0], err = c.come(a, 0); err != nil {
				t.Errorf("after one has left: %v", err)
			}
			if _, err := c.come(a, 5); !errors.Is(err, ErrTooMany) {
				t.Errorf("one more again: %v", err)
			}
			if !maps.Equal(hits, map[string]int{limit: 2}) {
				t.Errorf("%v are counted", hits)
			}
			for _, in := range append(here, other) {
				in.release()
			}
			if len(a.addresses)+len(a.unauthenticated)+len(a.users) > 0 {
				t.Errorf("left behind: %v %v %v", a.addresses, a.unauthenticated, a.users)
			}
		})
	}
	// Who has said who they are is no stranger any more.
	a := newAdmission(*counted(many(Limits{Unauthenticated: 1}), nil), nil)
	for range 3 {
		in, err := a.admit(from("192.0.2.1:1"), unauthenticated)
		if err != nil {
			t.Fatal(err)
		}
		if err := in.markAuthenticated(""); err != nil {
			t.Fatal(err)
		}
	}
}

// TestArrivalsAreLimited: so many at once and so many a second, from one address
// and in all, and addresses are not remembered for ever.
func TestArrivalsAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := DefaultLimits()
		l.PerAddr = 0
		hits := map[string]int{}
		a := newAdmission(*counted(l, hits), nil)
		let := func(n int, remote func(i int) string) (in int) {
			for i := range n {
				if c, err := a.admit(from(remote(i)), authenticated); err == nil {
					c.release()
					in++
				} else if !errors.Is(err, ErrTooMany) {
					t.Error(err)
				}
			}
			return in
		}
		one := func(int) string { return "192.0.2.1:1" }
		if in := let(60, one); in != 50 {
			t.Errorf("%d of 60 at once from one address", in)
		}
		time.Sleep(time.Second)
		if in := let(60, one); in != 10 {
			t.Errorf("%d of 60 a second later", in)
		}
		if !maps.Equal(hits, map[string]int{"arrivals": 60}) {
			t.Errorf("%v are counted", hits)
		}
		time.Sleep(time.Minute)
		next := 0
		each := func(int) string { next++; return fmt.Sprintf("10.%d.%d.%d:1", next>>16, next>>8&255, next&255) }
		if in := let(1000, each); in != 400 {
			t.Errorf("%d of 1,000 at once from many addresses", in)
		}
		time.Sleep(time.Second)
		if in := let(1000, each); in != 200 {
			t.Errorf("%d of 1,000 a second later", in)
		}
		if !maps.Equal(hits, map[string]int{"arrivals": 60, "all-arrivals": 1400}) {
			t.Errorf("%v are counted", hits)
		}
		for range 100 {
			time.Sleep(time.Minute)
			let(1000, each)
		}
		if n := len(a.arrivals); n > 2*maxArrivals {
			t.Errorf("%d addresses are remembered", n)
		}
	})
}

// TestRatesWait: what is over a rate is not lost, it waits.
func TestRatesWait(t *testing.T) {
	for limit, c := range map[string]struct {
		burst int // at once
		rate  int // a second
		one   func(*limiters)
	}{
		"updates":   {200, 60, (*limiters).waitUpdate},
		"awareness": {400, 200, (*limiters).waitAwareness},
		"requests":  {100, 10, (*limiters).waitRequest},
		"bytes":     {2 << 10, 256, func(l *limiters) { l.waitBytes(1 << 10) }},
	} {
		t.Run(limit, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				hits := map[string]int{}
				var l limiters
				l.init(*counted(DefaultLimits(), hits))
				begun := time.Now()
				for range c.burst {
					c.one(&l)
				}
				if took := time.Since(begun); took != 0 {
					t.Errorf("%d at once take %s", c.burst, took)
				}
				if len(hits) > 0 {
					t.Errorf("at the limit %v are counted", hits)
				}
				c.one(&l)
				if time.Since(begun) == 0 {
					t.Errorf("number %d does not wait", c.burst+1)
				}
				if !maps.Equal(hits, map[string]int{limit: 1}) {
					t.Errorf("%v are counted", hits)
				}
				for range 10*c.rate - 1 {
					c.one(&l)
				}
				if took := time.Since(begun); took < 9900*time.Millisecond || took > 10100*time.Millisecond {
					t.Errorf("%d more take %s, want 10 s", 10*c.rate, took)
				}
			})
		})
	}
}

// TestLargeAnswerWaitsLessThanAPong: and is not let by for nothing either.
func TestLargeAnswerWaitsLessThanAPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limiters
		l.init(*counted(DefaultLimits(), nil))
		l.waitBytes(DefaultLimits().Answer)
		for range 3 {
			begun := time.Now()
			l.waitBytes(DefaultLimits().Answer)
			if took := time.Since(begun); took < 5*time.Second || took > pongWait/2 {
				t.Errorf("it waits %s", took)
			}
		}
	})
}
