package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// A report collects samples by case and library.
type report struct {
	samples map[string]map[string][]float64
	cpu     map[string]map[string][]float64
	bytes   map[string]int
	gc      *gcCost
	loops   []float64 // results of calibrate, in ms
}

func newReport() *report {
	return &report{samples: map[string]map[string][]float64{}, cpu: map[string]map[string][]float64{}, bytes: map[string]int{}}
}

func (r *report) add(name, lib string, got result) {
	if r.samples[name] == nil {
		r.samples[name], r.cpu[name] = map[string][]float64{}, map[string][]float64{}
	}
	r.cpu[name][lib] = append(r.cpu[name][lib], got.CPU...)
	r.samples[name][lib] = append(r.samples[name][lib], got.Samples...)
	if lib == weft && got.GC != nil && (r.gc == nil || got.GC.Full < r.gc.Full) {
		r.gc = got.GC
	}
	if got.Bytes > 0 && lib == weft {
		r.bytes[name] = got.Bytes
	}
}

func (r *report) loop(ms float64) { r.loops = append(r.loops, ms) }

// calibrate returns how long a fixed loop takes, in ms. Its variation shows how much other
// programs disturb the measurement.
func calibrate() float64 {
	start := time.Now()
	x := uint64(88172645463325252)
	for range 20_000_000 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
	}
	runtime.KeepAlive(x)
	return float64(time.Since(start).Nanoseconds()) / 1e6
}

func (r *report) print(w io.Writer, o options) {
	fmt.Fprintf(w, "Measured %s on %s, %d cores, %s; %s in Node %s.\n", time.Now().UTC().Format("2006-01-02"), cpuModel(), runtime.NumCPU(),
		runtime.Version(), strings.Join(packages, ", "), nodeVersion())
	if n := len(r.loops); n > 0 {
		slices.Sort(r.loops)
		fmt.Fprintf(w, "Noise: a fixed loop, run in turns with the cases, took %.0f ms at best, %.0f in the median and %.0f at worst.\n",
			r.loops[0], r.loops[n/2], r.loops[n-1])
	}
	fmt.Fprintf(w, "%d rounds, each case in a process of its own, repeated for %s there.\n\n", o.rounds, o.budget)
	fmt.Fprintln(w, "| ms: minimum / median / minimum of CPU | weft | yjs | ywasm | yjs ÷ weft | ywasm ÷ weft |")
	fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|")
	for _, c := range cases {
		if row := r.samples[c.name]; row != nil && c.name != heapCase {
			cpu := r.cpu[c.name]
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s / %s | %s / %s |\n", c.name,
				cell(row[weft], cpu[weft]), cell(row[yjs], cpu[yjs]), cell(row[ywasm], cpu[ywasm]),
				ratio(row[yjs], row[weft]), ratio(cpu[yjs], cpu[weft]), ratio(row[ywasm], row[weft]), ratio(cpu[ywasm], cpu[weft]))
		}
	}
	if row := r.samples[heapCase]; row != nil {
		fmt.Fprintf(w, "\n| bytes | weft | yjs | ywasm |\n|---|--:|--:|--:|\n| %s | %.0f | %.0f | %.0f |\n", heapCase,
			least(row[weft]), least(row[yjs]), least(row[ywasm]))
	}
	if g := r.gc; g != nil {
		fmt.Fprintf(w, "\nA heap of %d such documents, %.0f MB, of which the collector looks into %.1f MB: a full collection takes %.2f ms (%.2f ms of CPU);\n"+
			"without the documents %.2f ms (%.2f ms of CPU).\n", g.Documents, g.HeapMB, g.ScannableMBytes, g.Full, g.CPU, g.Empty, g.EmptyCPU)
	}
}

func cell(samples, cpu []float64) string {
	if len(samples) == 0 {
		return "–"
	}
	return digits(least(samples)) + " / " + digits(median(samples)) + " / " + digits(least(cpu))
}

func digits(ms float64) string {
	switch {
	case ms < 0.1:
		return fmt.Sprintf("%.4f", ms)
	case ms < 10:
		return fmt.Sprintf("%.2f", ms)
	}
	return fmt.Sprintf("%.0f", ms)
}

// ratio returns the ratio of the minimums.
func ratio(theirs, ours []float64) string {
	if len(theirs) == 0 || len(ours) == 0 || least(ours) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", least(theirs)/least(ours))
}

func least(samples []float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	return slices.Min(samples)
}

func median(samples []float64) float64 {
	s := slices.Sorted(slices.Values(samples))
	return s[len(s)/2]
}

// cpuModel returns the name of the processor as Linux reports it, else the architecture.
func cpuModel() string {
	b, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}
