package ws

import (
	"fmt"
	"net/http"
	"net/netip"
	"sync"

	"golang.org/x/time/rate"

	"weft/server/internal/clientaddr"
	"weft/server/problem"
)

// ErrTooMany refuses a connection because there are too many, or too many new
// ones: 429.
var ErrTooMany error = problem.TooManyConnections.New("")

// authState says whether a connection has authenticated when it is admitted.
type authState int

const (
	unauthenticated authState = iota // it must still, with its first messages
	authenticated                    // the request did
)

// admission counts connections by address and by user, and limits how fast new ones
// come. Safe for concurrent use.
type admission struct {
	limits  limits
	proxies []netip.Prefix
	all     *rate.Limiter // of new connections from all addresses

	mu              sync.Mutex
	addresses       counts                   // connections by address
	unauthenticated counts                   // those of them that are not authenticated, by address
	users           counts                   // connections by user
	arrivals        map[string]*rate.Limiter // of new connections, by address; at most maxArrivals
}

func newAdmission(l limits, proxies []netip.Prefix) *admission {
	return &admission{
		limits: l, proxies: proxies, all: rate.NewLimiter(l.NewAll, l.NewAllBurst),
		addresses: counts{}, unauthenticated: counts{}, users: counts{}, arrivals: map[string]*rate.Limiter{},
	}
}

// counts are numbers above 0 by key.
type counts map[string]int

func (c counts) decrement(key string) {
	if c[key]--; c[key] <= 0 {
		delete(c, key)
	}
}

// isFull reports whether one more connection would exceed the limit. A limit of 0 means
// unlimited.
func (c counts) isFull(key string, limit int) bool { return limit > 0 && c[key] >= limit }

// admittedConn is a connection that admission counts.
type admittedConn struct {
	admission *admission
	address   string

	// Guarded by admission.mu.
	authenticated bool
	user          string // empty: anonymous, or not authenticated
	released      bool
}

// admit counts a connection by the address that the request comes from, or refuses it
// with ErrTooMany. If state is unauthenticated, the connection counts as such until
// markAuthenticated is called.
func (a *admission) admit(r *http.Request, state authState) (*admittedConn, error) {
	from := clientaddr.Of(r, a.proxies)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !a.arrivalLimiter(from).Allow():
		a.limits.onLimit("arrivals")
		return nil, fmt.Errorf("%w at once from this address", ErrTooMany)
	case !a.all.Allow():
		a.limits.onLimit("all-arrivals")
		return nil, fmt.Errorf("%w at once", ErrTooMany)
	case a.addresses.isFull(from, a.limits.PerAddr):
		a.limits.onLimit("address")
		return nil, fmt.Errorf("%w from this address", ErrTooMany)
	case state == unauthenticated && a.unauthenticated.isFull(from, a.limits.Unauthenticated):
		a.limits.onLimit("strangers")
		return nil, fmt.Errorf("%w from this address that are not authenticated", ErrTooMany)
	}
	a.addresses[from]++
	if state == unauthenticated {
		a.unauthenticated[from]++
	}
	return &admittedConn{admission: a, address: from, authenticated: state == authenticated}, nil
}

// maxArrivals caps the table of rate limiters by address; beyond it, those that are full
// again are evicted. NewAll bounds how many are not.
const maxArrivals = 4096

// arrivalLimiter returns the rate limiter of new connections from an address. mu is held.
func (a *admission) arrivalLimiter(from string) *rate.Limiter {
	l := a.arrivals[from]
	if l == nil {
		if len(a.arrivals) >= maxArrivals {
			for key, l := range a.arrivals {
				if l.Tokens() >= float64(l.Burst()) {
					delete(a.arrivals, key)
				}
			}
		}
		l = rate.NewLimiter(a.limits.New, a.limits.NewBurst)
		a.arrivals[from] = l
	}
	return l
}

// markAuthenticated counts the connection for a user, or refuses with ErrTooMany. user
// is empty for an anonymous person. Only the first user of a connection counts.
func (c *admittedConn) markAuthenticated(user string) error {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.released {
		return nil
	}
	if user != "" && c.user == "" {
		if a.users.isFull(user, a.limits.PerPerson) {
			a.limits.onLimit("person")
			return fmt.Errorf("%w of this person", ErrTooMany)
		}
		c.user = user
		a.users[user]++
	}
	if !c.authenticated {
		c.authenticated = true
		a.unauthenticated.decrement(c.address)
	}
	return nil
}

func (c *admittedConn) isAuthenticated() bool {
	c.admission.mu.Lock()
	defer c.admission.mu.Unlock()
	return c.authenticated
}

// release stops counting the connection. It may be called again.
func (c *admittedConn) release() {
	a := c.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.released {
		return
	}
	c.released = true
	a.addresses.decrement(c.address)
	if !c.authenticated {
		a.unauthenticated.decrement(c.address)
	}
	if c.user != "" {
		a.users.decrement(c.user)
	}
}
