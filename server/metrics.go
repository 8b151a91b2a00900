package server

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"sync/atomic"
)

// hits counts for each limit, by its name, how often it was hit. Safe for concurrent
// use.
type hits map[string]*atomic.Uint64

func newHits() hits {
	h := hits{}
	for name := range named {
		h[name] = new(atomic.Uint64)
	}
	for name := range fixed {
		h[name] = new(atomic.Uint64)
	}
	return h
}

// hit counts one.
func (h hits) hit(limit string) {
	if n := h[limit]; n != nil {
		n.Add(1)
	}
}

// metrics writes what /metrics says.
func (s *Server) metrics(w io.Writer) {
	family(w, "weft_limit_hits_total", "counter", "How often a limit was hit; weft limits lists them.")
	for _, name := range slices.Sorted(maps.Keys(s.hits)) {
		fmt.Fprintf(w, "weft_limit_hits_total{limit=%q} %d\n", name, s.hits[name].Load())
	}
	family(w, "weft_rooms", "gauge", "Rooms that are open, those that nobody is in included.")
	fmt.Fprintf(w, "weft_rooms %d\n", s.hub.Rooms())
	family(w, "weft_rooms_memory_bytes", "gauge", "What open rooms take, as it is accounted.")
	fmt.Fprintf(w, "weft_rooms_memory_bytes %d\n", s.hub.Memory())
	waiting, longest := s.hub.Pending()
	family(w, "weft_rooms_pending", "gauge", "Open rooms in which updates wait for others that have not come.")
	fmt.Fprintf(w, "weft_rooms_pending %d\n", waiting)
	family(w, "weft_pending_oldest_seconds", "gauge", "For how long updates wait in the open room where they have longest.")
	fmt.Fprintf(w, "weft_pending_oldest_seconds %d\n", int(longest.Seconds()))
}

// family begins a metric.
func family(w io.Writer, name, kind, help string) {
	fmt.Fprintf(w, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}
