package main

import (
	"fmt"
	"slices"
	"strings"
)

// testCase is one table.
type testCase struct {
	name string
	load []string // the load generator's arguments
	seed bool     // the load needs the encoded document
	only []string // names of servers; nil: all
	// columns of the table. cpu is the first, and the median of the runs is taken by it.
	cpu     column
	columns []column
}

// column is one figure of a result.
type column struct {
	title string
	key   string
	form  string
	// of computes the figure from several keys; nil: it is that of key.
	of func(result) (float64, bool)
}

// runsOn reports whether the case is measured on the server.
func (c testCase) runsOn(server string) bool {
	if server == weftBefore {
		server = weft
	}
	return len(c.only) == 0 || slices.Contains(c.only, server)
}

func load(text string) []string { return strings.Fields(text) }

var (
	perDelivery = column{title: "CPU s per million deliveries", key: "server_cpu_s_per_million", form: "%.2f"}
	cpu         = column{title: "CPU s", key: "server_cpu_s", form: "%.2f"}
	rate        = column{title: "deliveries/s", key: "deliveries_per_s", form: "%.0f"}
	lost        = column{title: "lost", key: "lost", form: "%.0f"}
	p50         = column{title: "p50 ms", key: "p50_ms", form: "%.1f"}
	p99         = column{title: "p99 ms", key: "p99_ms", form: "%.1f"}
	rss         = column{title: "RSS MB", key: "server_rss_after_mb", form: "%.0f"}
	frames      = column{title: "frames", key: "frames", form: "%.0f"}
	foreign     = column{title: "others' cores", form: "%.1f", of: func(r result) (float64, bool) {
		f, ok := r["foreign_cpu_s"].(float64)
		w, _ := r["wall_s"].(float64)
		if w == 0 {
			return 0, false
		}
		return f / w, ok
	}}
)

// perSecond returns a count divided by the duration of the case.
func perSecond(key string) func(result) (float64, bool) {
	return func(r result) (float64, bool) {
		n, ok := r[key].(float64)
		w, _ := r["wall_s"].(float64)
		return n / max(w, 1e-9), ok && w > 0
	}
}

func fanout(name, args string) testCase {
	return testCase{name: name, load: load("fanout " + args), only: []string{weft, weftHocus, yws, hocuspocus},
		cpu: perDelivery, columns: []column{rate, frames, p50, p99, lost, rss}}
}

var all = []testCase{
	fanout("fan-out at full speed, 100 readers", "-readers 100 -rate 0 -window 64 -for 4s -warmup 1s"),
	fanout("fan-out at full speed, 500 readers", "-readers 500 -rate 0 -window 16 -for 4s -warmup 1s"),
	fanout("fan-out at full speed, 1,000 readers", "-readers 1000 -rate 0 -window 16 -for 4s -warmup 1s"),
	fanout("fan-out, 10 readers, 200 updates/s", "-readers 10 -rate 200 -for 4s"),
	fanout("fan-out, 100 readers, 50 updates/s", "-readers 100 -rate 50 -for 4s"),
	fanout("fan-out, 500 readers, 20 updates/s", "-readers 500 -rate 20 -for 4s"),
	fanout("fan-out, 1,000 readers, 10 updates/s", "-readers 1000 -rate 10 -for 4s"),
	{
		name: "1,000 rooms of 2 writers at 2/s", load: load("rooms -for 6s"), only: []string{weft, yws, ywsLevel, hocuspocus},
		cpu: cpu, columns: []column{rate, p50, p99, lost, rss},
	},
	{
		name: "100 cursors at 10/s", load: load("awareness -clients 100 -rate 10 -for 5s"), only: []string{weft, yws, hocuspocus},
		cpu: cpu, columns: []column{
			frames, {title: "frames/s", form: "%.0f", of: perSecond("frames")}, p50, p99,
			{title: "moves superseded", key: "moves_superseded", form: "%.0f"},
		},
	},
	{
		name: "500 joins of B4 at once", load: load("join -clients 500 -seed $SEED -keep"), seed: true, only: []string{weft, yws, ywsLevel, hocuspocus},
		cpu: cpu, columns: []column{{title: "all synced s", key: "all_synced_s", form: "%.2f"}, p50, p99, {title: "RSS peak MB", key: "server_rss_peak_mb", form: "%.0f"}},
	},
	{
		name: "2,000 idle connections in 200 rooms", load: load("idle -conns 2000 -rooms 200 -hold 4s"), only: []string{weft, yws, hocuspocus},
		cpu: cpu, columns: []column{{title: "kB each", key: "rss_kb_per_conn", form: "%.1f"}, {title: "CPU % idle", key: "server_cpu_percent_idle", form: "%.1f"}, rss},
	},
	slow(0), slow(1), slow(5),
}

func slow(n int) testCase {
	return testCase{
		name: fmt.Sprintf("50 MB written, %d readers stopped", n), load: load(fmt.Sprint("slow -hold 3s -slow ", n)), only: []string{weft, yws, hocuspocus},
		cpu: cpu, columns: []column{
			{title: "RSS growth MB", key: "server_rss_growth_mb", form: "%.0f"},
			{title: "closed", key: "slow_cut_off", form: "%.0f"},
			{title: "MB read later", key: "slow_read_later_mb", form: "%.2f"},
			{title: "the other reader's s", key: "readers_done_s", form: "%.2f"},
		},
	}
}

// row is a server with its results.
type row struct {
	server  server
	results []result
}

func (c column) value(r result) (float64, bool) {
	if c.of != nil {
		return c.of(r)
	}
	v, ok := r[c.key].(float64)
	return v, ok
}

// median returns the median of the results, by CPU.
func (c testCase) median(results []result) result {
	sorted := slices.Clone(results)
	slices.SortFunc(sorted, func(a, b result) int {
		x, _ := c.cpu.value(a)
		y, _ := c.cpu.value(b)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return sorted[(len(sorted)-1)/2]
}

// print writes the table. Ratios are to the first row.
func (c testCase) print(rows []row) {
	columns := append([]column{c.cpu}, c.columns...)
	columns = append(columns, foreign)
	fmt.Printf("\n### %s\n\n`loadgen %s`\n\n| server |", c.name, strings.Join(c.load, " "))
	for i, col := range columns {
		fmt.Printf(" %s |", col.title)
		if i == 0 {
			fmt.Print(" ratio |")
		}
	}
	fmt.Println("\n|---|---|" + strings.Repeat("---|", len(columns)))
	base := 0.0
	for _, row := range rows {
		if len(row.results) == 0 {
			fmt.Printf("| %s | failed |\n", row.server.name)
			continue
		}
		r := c.median(row.results)
		fmt.Printf("| %s |", row.server.name)
		for i, col := range columns {
			v, ok := col.value(r)
			if !ok {
				fmt.Print(" |")
				continue
			}
			fmt.Printf(" "+col.form+" |", v)
			if i == 0 {
				if base == 0 {
					base = v
				}
				fmt.Printf(" %.2f |", v/base)
			}
		}
		fmt.Println()
	}
}
