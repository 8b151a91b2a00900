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

// admission counts connections. Safe for concurrent use.
type admission struct {
	limits  limits
	proxies []netip.Prefix
	all     *rate.Limiter

	mu        sync.Mutex
	addresses counts // connections by address
	strangers counts // those of them that have not said who they are
	people    counts // connections by person
	arrivals  map[string]*rate.Limiter
}

func newAdmission(l limits, proxies []netip.Prefix) *admission {
	return &admission{
		limits: l, proxies: proxies, all: rate.NewLimiter(l.NewAll, l.NewAllAt),
		addresses: counts{}, strangers: counts{}, people: counts{}, arrivals: map[string]*rate.Limiter{},
	}
}

// counts are numbers above 0.
type counts map[string]int

func (c counts) leave(key string) {
	if c[key]--; c[key] <= 0 {
		delete(c, key)
	}
}

// over tells whether one more would be too many; a limit of 0 is none.
func (c counts) over(key string, limit int) bool { return limit > 0 && c[key] >= limit }

// admitted is a connection that is counted.
type admitted struct {
	by       *admission
	address  string
	stranger bool
	person   string // empty: nobody's, or nobody known
	left     bool
}

// enter counts a connection from where the request comes from. Until known is
// called, or if stranger is false, it counts as a stranger's.
func (a *admission) enter(r *http.Request, stranger bool) (*admitted, error) {
	from := clientaddr.Of(r, a.proxies)
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case !a.arrival(from).Allow():
		a.limits.hit("arrivals")
		return nil, fmt.Errorf("%w come at once", ErrTooMany)
	case !a.all.Allow():
		a.limits.hit("all-arrivals")
		return nil, fmt.Errorf("%w come at once", ErrTooMany)
	case a.addresses.over(from, a.limits.PerAddr):
		a.limits.hit("address")
		return nil, fmt.Errorf("%w from this address", ErrTooMany)
	case stranger && a.strangers.over(from, a.limits.Strangers):
		a.limits.hit("strangers")
		return nil, fmt.Errorf("%w from this address that have not said who they are", ErrTooMany)
	}
	a.addresses[from]++
	if stranger {
		a.strangers[from]++
	}
	return &admitted{by: a, address: from, stranger: stranger}, nil
}

// forget is how many addresses are remembered before those that have not come
// lately are forgotten. NewAll bounds how many have come lately.
const forget = 4096

// arrival is the rate at which connections from an address may come. mu is held.
func (a *admission) arrival(from string) *rate.Limiter {
	l := a.arrivals[from]
	if l == nil {
		if len(a.arrivals) >= forget {
			for key, l := range a.arrivals {
				if l.Tokens() >= float64(l.Burst()) {
					delete(a.arrivals, key)
				}
			}
		}
		l = rate.NewLimiter(a.limits.New, a.limits.NewAt)
		a.arrivals[from] = l
	}
	return l
}

// known takes note of whose connection it is; person is empty for somebody who
// came without a token. Only the first person counts.
func (c *admitted) known(person string) error {
	a := c.by
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.left {
		return nil
	}
	if person != "" && c.person == "" {
		if a.people.over(person, a.limits.PerPerson) {
			a.limits.hit("person")
			return fmt.Errorf("%w of this person", ErrTooMany)
		}
		c.person = person
		a.people[person]++
	}
	if c.stranger {
		c.stranger = false
		a.strangers.leave(c.address)
	}
	return nil
}

// unknown tells whether nobody has said yet whose connection it is.
func (c *admitted) unknown() bool {
	c.by.mu.Lock()
	defer c.by.mu.Unlock()
	return c.stranger
}

// of tells whether it is a connection of the person.
func (c *admitted) of(person string) bool {
	c.by.mu.Lock()
	defer c.by.mu.Unlock()
	return person != "" && c.person == person
}

// leave counts the connection out. It may be called again.
func (c *admitted) leave() {
	a := c.by
	a.mu.Lock()
	defer a.mu.Unlock()
	if c.left {
		return
	}
	c.left = true
	a.addresses.leave(c.address)
	if c.stranger {
		a.strangers.leave(c.address)
	}
	if c.person != "" {
		a.people.leave(c.person)
	}
}
