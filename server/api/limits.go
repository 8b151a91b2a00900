package api

import "golang.org/x/time/rate"

// Limits of the HTTP API.
type Limits struct {
	Guests   rate.Limit // guests made or renamed from one address, per second; rate.Inf: no limit
	GuestsAt int        // burst; a school class behind one address opens the page at once
}

// DefaultLimits returns limits for a server on the internet.
func DefaultLimits() Limits { return Limits{Guests: 1, GuestsAt: 100} }

// LabLimits returns no limits, for load tests.
func LabLimits() Limits { return Limits{Guests: rate.Inf, GuestsAt: 100} }
