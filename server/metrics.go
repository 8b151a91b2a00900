package server

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"weft/notify"
	"weft/presence/redis"
)

// hits counts for each limit, by its name, how often it was hit. Safe for concurrent
// use.
type hits map[string]*atomic.Uint64

func newHits() hits {
	h := hits{}
	for name := range settable {
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

// counters are what must be counted as it happens; all else in /metrics is read when it
// is asked for.
type counters struct {
	hits    hits
	commits prometheus.Histogram
	pushes  *prometheus.CounterVec
}

func newCounters() counters {
	c := counters{
		hits: newHits(),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weft_commit_seconds", Help: "How long commits took: writing to the disk and waiting for it.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16), // to 8.2 s: at 5 s rooms become read-only
		}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weft_pushes_total", Help: "What push services answered, by class of the status; none: nothing, or they were not asked.",
		}, []string{"status"}),
	}
	for _, class := range []string{"2xx", "4xx", "5xx", "none"} {
		c.pushes.WithLabelValues(class) // there from the start, as 0
	}
	return c
}

func (c counters) committed(took time.Duration) { c.commits.Observe(took.Seconds()) }

// countedSender counts what comes of the pushes that it has another send.
type countedSender struct {
	sender  notify.Sender
	results *prometheus.CounterVec
}

func (s countedSender) Send(ctx context.Context, sub notify.Subscription, n notify.Notification, count int) (notify.Result, error) {
	result, err := s.sender.Send(ctx, sub, n, count)
	class := "none"
	if result.Status > 0 {
		class = strconv.Itoa(result.Status/100) + "xx"
	}
	s.results.WithLabelValues(class).Inc()
	return result, err
}

// metrics answers /metrics.
func (s *Server) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		s.commits, s.pushes, figures{s},
	)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelError),
		// Anybody may ask, and it means a look at each open room: those who ask while
		// others are being answered get the same.
		CoalesceGather: true,
	})
}

// figures are how a server is now. Reading them takes no room's lock, and no other for
// longer than a look at each open room takes.
type figures struct{ s *Server }

// Describe implements prometheus.Collector.
func (f figures) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, to) }

// Collect implements prometheus.Collector.
func (f figures) Collect(to chan<- prometheus.Metric) {
	say := func(kind prometheus.ValueType, value float64, name, help string, label prometheus.Labels) {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, label), kind, value)
	}
	gauge := func(value float64, name, help string) { say(prometheus.GaugeValue, value, name, help, nil) }
	s := f.s
	for limit, n := range s.hits {
		say(prometheus.CounterValue, float64(n.Load()), "weft_limit_hits_total",
			"How often a limit was hit; weft limits lists them.", prometheus.Labels{"limit": limit})
	}
	gauge(float64(s.hub.Rooms()), "weft_rooms", "Rooms that are open, those that nobody is in included.")
	gauge(float64(s.hub.Memory()), "weft_rooms_memory_bytes", "What open rooms take, as it is accounted.")
	waiting, longest := s.hub.Pending()
	gauge(float64(waiting), "weft_rooms_pending", "Open rooms in which updates wait for others that have not come.")
	gauge(longest.Seconds(), "weft_pending_oldest_seconds", "For how long updates wait in the open room where they have longest.")
	gauge(float64(s.hub.Quarantined()), "weft_rooms_quarantined", "Rooms found damaged when they were opened or written, and not found whole since.")
	bytes, age := s.hub.Backlog()
	gauge(float64(bytes), "weft_journal_bytes", "Updates that are not on disk yet.")
	gauge(age.Seconds(), "weft_journal_oldest_seconds", "Age of the oldest update that is not on disk yet.")
	open := s.door.Open()
	for door, n := range map[string]int{
		"y-websocket": open.YWebsocket, "hocuspocus": open.Hocuspocus, "native": open.Native, "sse": s.live.Streams(),
	} {
		say(prometheus.GaugeValue, float64(n), "weft_connections", "Open connections, by door.", prometheus.Labels{"door": door})
	}
	asked, behind := s.hub.CaughtUp()
	for why, n := range map[string]uint64{"asked": asked, "behind": behind} {
		say(prometheus.CounterValue, float64(n), "weft_resyncs_total",
			"Peers that were sent what a state vector lacks: asked, by their sync step 1, as on joining; behind, having taken too little for too long.",
			prometheus.Labels{"why": why})
	}
	if people, ok := s.people.(*redis.Tracker); ok {
		say(prometheus.CounterValue, float64(people.Reaped()), "weft_presence_reaps_total", "Dead nodes whose people this node has taken away.", nil)
	}
}
