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

// limitCounters counts how often each limit was reached, by the limit's name. Safe for
// concurrent use.
type limitCounters map[string]*atomic.Uint64

func newLimitCounters() limitCounters {
	h := limitCounters{}
	for name := range settable {
		h[name] = new(atomic.Uint64)
	}
	for name := range fixed {
		h[name] = new(atomic.Uint64)
	}
	return h
}

// reached counts one. It ignores unknown names.
func (h limitCounters) reached(limit string) {
	if n := h[limit]; n != nil {
		n.Add(1)
	}
}

// counters are the metrics that are counted when something happens. All others are read
// from the subsystems during a scrape (gauges).
type counters struct {
	limits  limitCounters
	commits prometheus.Histogram
	pushes  *prometheus.CounterVec
}

func newCounters() counters {
	c := counters{
		limits: newLimitCounters(),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "weft_commit_seconds", Help: "Duration of commits: writing to the disk and fsync.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 16), // to 8.2 s: at 5 s rooms become read-only
		}),
		pushes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "weft_pushes_total", Help: "Pushes by the class of the push service's answer; none: no answer, or not sent.",
		}, []string{"status"}),
	}
	for _, class := range []string{"2xx", "4xx", "5xx", "none"} {
		c.pushes.WithLabelValues(class) // exported as 0 from the start
	}
	return c
}

func (c counters) committed(took time.Duration) { c.commits.Observe(took.Seconds()) }

// countedSender wraps a notify.Sender and counts each push by outcome.
type countedSender struct {
	sender  notify.Sender
	results *prometheus.CounterVec
}

// Send implements notify.Sender.
func (s countedSender) Send(ctx context.Context, sub notify.Subscription, n notify.Notification, count int) (notify.Result, error) {
	result, err := s.sender.Send(ctx, sub, n, count)
	class := "none"
	if result.Status > 0 {
		class = strconv.Itoa(result.Status/100) + "xx"
	}
	s.results.WithLabelValues(class).Inc()
	return result, err
}

// metrics returns the handler of /metrics.
func (s *Server) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		s.commits, s.pushes, gauges{s},
	)
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.config.Log.Handler(), slog.LevelError),
		// A scrape visits every open room and needs no token, so concurrent scrapes share
		// one result.
		CoalesceGather: true,
	})
}

// gauges collects the current state of a server. Collecting takes no room's lock. Other
// locks are held only for a visit of every open room.
type gauges struct{ s *Server }

// Describe implements prometheus.Collector.
func (g gauges) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(g, to) }

// Collect implements prometheus.Collector.
func (g gauges) Collect(to chan<- prometheus.Metric) {
	export := func(kind prometheus.ValueType, value float64, name, help string, label prometheus.Labels) {
		to <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, help, nil, label), kind, value)
	}
	gauge := func(value float64, name, help string) { export(prometheus.GaugeValue, value, name, help, nil) }
	s := g.s
	for limit, n := range s.limits {
		export(prometheus.CounterValue, float64(n.Load()), "weft_limit_hits_total",
			"How often a limit was reached; weft limits lists the limits.", prometheus.Labels{"limit": limit})
	}
	gauge(float64(s.hub.Rooms()), "weft_rooms", "Loaded rooms, including those without a peer.")
	gauge(float64(s.hub.Memory()), "weft_rooms_memory_bytes", "Estimated memory of loaded rooms.")
	waiting, longest := s.hub.Pending()
	gauge(float64(waiting), "weft_rooms_pending", "Loaded rooms with pending updates, whose dependencies have not arrived.")
	gauge(longest.Seconds(), "weft_pending_oldest_seconds", "Age of the oldest pending update.")
	gauge(float64(s.hub.Quarantined()), "weft_rooms_quarantined", "Rooms that were found damaged and have not been found intact since.")
	bytes, age := s.hub.Backlog()
	gauge(float64(bytes), "weft_journal_bytes", "Bytes of updates that are not on disk yet.")
	gauge(age.Seconds(), "weft_journal_oldest_seconds", "Age of the oldest update that is not on disk yet.")
	open := s.door.Open()
	for door, n := range map[string]int{
		"y-websocket": open.YWebsocket, "hocuspocus": open.Hocuspocus, "native": open.Native, "sse": s.live.Streams(),
	} {
		export(prometheus.GaugeValue, float64(n), "weft_connections", "Open connections, by door.", prometheus.Labels{"door": door})
	}
	asked, behind := s.hub.CaughtUp()
	for why, n := range map[string]uint64{"asked": asked, "behind": behind} {
		export(prometheus.CounterValue, float64(n), "weft_resyncs_total",
			"Catch-ups from a state vector: asked, for a sync step 1, as on joining; behind, for a peer that fell behind the feed.",
			prometheus.Labels{"why": why})
	}
	if people, ok := s.people.(*redis.Tracker); ok {
		export(prometheus.CounterValue, float64(people.Reaped()), "weft_presence_reaps_total", "Dead nodes whose presence this node has removed.", nil)
	}
}
