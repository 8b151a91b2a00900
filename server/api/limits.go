package api

import "golang.org/x/time/rate"

// Limits of the API. rate.Inf and 0 are any.
type Limits struct {
	Guests   rate.Limit // guests, new and renamed, from one address
	GuestsAt int        // burst: a class behind one address opens the page
}

// DefaultLimits are for the open network.
func DefaultLimits() Limits { return Limits{Guests: 1, GuestsAt: 100} }

// LabLimits lift them, for load tests.
func LabLimits() Limits { return Limits{Guests: rate.Inf, GuestsAt: 100} }
