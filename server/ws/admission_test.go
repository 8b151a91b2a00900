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

// from returns a request from a remote address.
func from(remote string) *http.Request {
	return &http.Request{RemoteAddr: remote, Header: http.Header{}}
}

// countingLimits are limits that count in reached how often each was reached, unless that
// is nil.
func countingLimits(l Limits, reached map[string]int) *limits {
	return &limits{l, func(limit string) {
		if reached != nil {
			reached[limit]++
		}
	}}
}

// TestConnectionLimits: each limit admits as many connections as it says and refuses one
// more, until one is released. Connections that it does not apply to are admitted.
func TestConnectionLimits(t *testing.T) {
	only := func(l Limits) Limits { // no limits but those of the case
		l.New, l.NewAll = rate.Inf, rate.Inf
		return l
	}
	for limit, c := range map[string]struct {
		limits Limits
		admit  func(a *admission, n int) (*admittedConn, error)
		other  func(a *admission) (*admittedConn, error)
	}{
		"address": {
			only(Limits{PerAddr: 5}),
			func(a *admission, _ int) (*admittedConn, error) { return a.admit(from("192.0.2.1:1"), authenticated) },
			func(a *admission) (*admittedConn, error) { return a.admit(from("192.0.2.2:1"), authenticated) },
		},
		"strangers": {
			only(Limits{Unauthenticated: 5}),
			func(a *admission, _ int) (*admittedConn, error) { return a.admit(from("192.0.2.1:1"), unauthenticated) },
			func(a *admission) (*admittedConn, error) { return a.admit(from("192.0.2.1:1"), authenticated) },
		},
		"person": {
			only(Limits{PerPerson: 5}),
			func(a *admission, n int) (*admittedConn, error) {
				c, err := a.admit(from(fmt.Sprintf("192.0.2.%d:1", n)), unauthenticated)
				if err == nil {
					if err = c.markAuthenticated("ana"); err != nil {
						c.release()
					}
				}
				return c, err
			},
			func(a *admission) (*admittedConn, error) {
				c, err := a.admit(from("192.0.2.1:1"), unauthenticated)
				return c, errors.Join(err, c.markAuthenticated("ben"), c.markAuthenticated(""))
			},
		},
	} {
		t.Run(limit, func(t *testing.T) {
			reached := map[string]int{}
			a := newAdmission(*countingLimits(c.limits, reached), nil)
			var admitted []*admittedConn
			for n := range 5 {
				in, err := c.admit(a, n)
				if err != nil {
					t.Fatalf("connection %d: %v", n+1, err)
				}
				admitted = append(admitted, in)
			}
			if len(reached) > 0 {
				t.Errorf("limits reached by 5 connections: %v, want none", reached)
			}
			if _, err := c.admit(a, 5); !errors.Is(err, ErrTooMany) {
				t.Errorf("connection 6: got error %v, want ErrTooMany", err)
			}
			other, err := c.other(a)
			if err != nil {
				t.Errorf("a connection that the limit does not apply to: %v", err)
			}
			admitted[0].release()
			admitted[0].release() // without effect
			if admitted[0], err = c.admit(a, 0); err != nil {
				t.Errorf("after one was released: %v", err)
			}
			if _, err := c.admit(a, 5); !errors.Is(err, ErrTooMany) {
				t.Errorf("connection 6 again: got error %v, want ErrTooMany", err)
			}
			if want := map[string]int{limit: 2}; !maps.Equal(reached, want) {
				t.Errorf("limits reached: %v, want %v", reached, want)
			}
			for _, in := range append(admitted, other) {
				in.release()
			}
			if len(a.addresses)+len(a.unauthenticated)+len(a.users) > 0 {
				t.Errorf("counted after all were released: %v, %v, %v", a.addresses, a.unauthenticated, a.users)
			}
		})
	}
}

// TestAuthenticatedConnectionsMakeRoom: a connection that has authenticated, also as an
// anonymous person, leaves its place to the next unauthenticated one.
func TestAuthenticatedConnectionsMakeRoom(t *testing.T) {
	l := Limits{Unauthenticated: 1, New: rate.Inf, NewAll: rate.Inf}
	a := newAdmission(*countingLimits(l, nil), nil)
	for range 3 {
		c, err := a.admit(from("192.0.2.1:1"), unauthenticated)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.markAuthenticated(""); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewConnectionsAreRateLimited: from one address and in all, with a burst; and the
// table of addresses is bounded.
func TestNewConnectionsAreRateLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := DefaultLimits()
		l.PerAddr = 0
		reached := map[string]int{}
		a := newAdmission(*countingLimits(l, reached), nil)
		admit := func(n int, remote func() string) (admitted int) {
			for range n {
				if c, err := a.admit(from(remote()), authenticated); err == nil {
					c.release()
					admitted++
				} else if !errors.Is(err, ErrTooMany) {
					t.Error(err)
				}
			}
			return admitted
		}
		one := func() string { return "192.0.2.1:1" }
		if got := admit(60, one); got != 50 {
			t.Errorf("of 60 connections at once from one address %d were admitted, want 50", got)
		}
		time.Sleep(time.Second)
		if got := admit(60, one); got != 10 {
			t.Errorf("of 60 connections 1 s later %d were admitted, want 10", got)
		}
		if want := map[string]int{"arrivals": 60}; !maps.Equal(reached, want) {
			t.Errorf("limits reached: %v, want %v", reached, want)
		}
		time.Sleep(time.Minute)
		next := 0
		each := func() string { next++; return fmt.Sprintf("10.%d.%d.%d:1", next>>16, next>>8&255, next&255) }
		if got := admit(1000, each); got != 400 {
			t.Errorf("of 1,000 connections at once from many addresses %d were admitted, want 400", got)
		}
		time.Sleep(time.Second)
		if got := admit(1000, each); got != 200 {
			t.Errorf("of 1,000 connections 1 s later %d were admitted, want 200", got)
		}
		if want := map[string]int{"arrivals": 60, "all-arrivals": 1400}; !maps.Equal(reached, want) {
			t.Errorf("limits reached: %v, want %v", reached, want)
		}
		for range 100 {
			time.Sleep(time.Minute)
			admit(1000, each)
		}
		if n := len(a.arrivals); n > 2*maxArrivals {
			t.Errorf("the table has %d addresses, want at most %d", n, 2*maxArrivals)
		}
	})
}
