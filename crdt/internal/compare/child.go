package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"time"

	"weft/crdt"
)

// child measures one case of package crdt, as peer.mjs does for the other libraries, and
// prints the result as JSON. Arguments: the operation, the working folder, the time budget
// in ms, the operation's argument.
func child(args []string) {
	b := bench{dir: args[1], arg: args[3]}
	ms, err := strconv.Atoi(args[2])
	if err != nil {
		panic(err)
	}
	b.budget = time.Duration(ms) * time.Millisecond
	do := map[string]func(){
		"apply": b.apply, "broadcast": b.apply, "loadV1": b.loadV1, "loadV2": b.loadV2,
		"encodeV1": func() { b.encode((*crdt.Doc).AppendStateAsUpdate) },
		"encodeV2": func() {
			b.encode(func(d *crdt.Doc, _ []byte, sv crdt.StateVector) []byte { return d.EncodeStateAsUpdateV2(sv) })
		},
		"encodeAgain": b.encodeAgain,
		"diff":        b.diff, "diffChanged": b.diffChanged, "merge": b.merge, "heap": b.heap,
	}[args[0]]
	do()
	if err := json.NewEncoder(os.Stdout).Encode(b.result); err != nil {
		panic(err)
	}
}

type bench struct {
	dir, arg string
	budget   time.Duration
	result   result
}

func (b *bench) read(name string) []byte {
	u, err := os.ReadFile(filepath.Join(b.dir, name))
	must(err)
	return u
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// time measures call repeatedly until the budget is used up, at least once and at most limit
// times. before, and the garbage collection behind it, are not measured.
func (b *bench) time(limit int, before func(i int), call func() []byte) {
	until := time.Now().Add(b.budget)
	for i := 0; i < limit && (i == 0 || time.Now().Before(until)); i++ {
		before(i)
		runtime.GC()
		cpu, start := cpuTime(), time.Now()
		output := call()
		b.result.Samples = append(b.result.Samples, float64(time.Since(start).Nanoseconds())/1e6)
		b.result.CPU = append(b.result.CPU, cpuTime()-cpu)
		b.result.Bytes = len(output)
	}
}

// many is the limit of repetitions; typing.bin holds as many updates.
const many = 1000

func nothing(int) {}

func (b *bench) load(name string) *crdt.Doc {
	d := crdt.New(crdt.Options{})
	_, err := d.ApplyUpdate(b.read(name))
	must(err)
	return d
}

// apply is the case "broadcast" as well: a server sends an update that ApplyUpdate accepted
// to its clients as the bytes that it received.
func (b *bench) apply() {
	updates := readLog(b.read(b.arg))
	var d *crdt.Doc
	b.time(many, func(int) { d = crdt.New(crdt.Options{}) }, func() []byte {
		for _, u := range updates {
			_, err := d.ApplyUpdate(u)
			must(err)
		}
		return nil
	})
}

func (b *bench) loadV1() {
	u := b.read(b.arg)
	b.time(many, nothing, func() []byte {
		_, err := crdt.New(crdt.Options{}).ApplyUpdate(u)
		must(err)
		return nil
	})
}

func (b *bench) loadV2() {
	u := b.read(b.arg)
	b.time(many, nothing, func() []byte {
		_, err := crdt.New(crdt.Options{}).ApplyUpdateV2(u)
		must(err)
		return nil
	})
}

// change returns a function that applies an update of another client, which inserts one
// character into another text.
func (b *bench) change(d *crdt.Doc) func(i int) {
	updates := readLog(b.read("typing.bin"))
	return func(i int) {
		_, err := d.ApplyUpdate(updates[i])
		must(err)
	}
}

func (b *bench) encode(encode func(*crdt.Doc, []byte, crdt.StateVector) []byte) {
	d := b.load(b.arg)
	b.time(many, b.change(d), func() []byte { return encode(d, nil, nil) })
}

func (b *bench) encodeAgain() {
	d := b.load("b4.v1")
	d.EncodeStateAsUpdate(nil)
	b.time(many, nothing, func() []byte { return d.EncodeStateAsUpdate(nil) })
}

func (b *bench) vector() crdt.StateVector {
	sv, err := crdt.DecodeStateVector(b.read("b4.sv"))
	must(err)
	return sv
}

func (b *bench) diff() {
	d, sv := b.load("b4.v1"), b.vector()
	b.time(many, nothing, func() []byte { return d.EncodeStateAsUpdate(sv) })
}

func (b *bench) diffChanged() {
	d, sv := b.load("b4.v1"), b.vector()
	b.time(many, b.change(d), func() []byte { return d.EncodeStateAsUpdate(sv) })
}

func (b *bench) merge() {
	n, err := strconv.Atoi(b.arg)
	must(err)
	updates := readLog(b.read("b4.bin"))[:n]
	b.time(many, nothing, func() []byte {
		u, err := crdt.MergeUpdates(updates...)
		must(err)
		return u
	})
}

// gcCost is the cost of one full garbage collection, without and with the documents.
type gcCost struct {
	Documents       int
	HeapMB          float64
	Empty, Full     float64 // wall-clock time of runtime.GC in ms
	EmptyCPU, CPU   float64 // its CPU time in ms, all workers
	ScannableMBytes float64 // the part of the heap that the collector must scan for pointers
}

func (b *bench) heap() {
	n, err := strconv.Atoi(b.arg)
	must(err)
	u := b.read("b4.v1")
	cost := &gcCost{Documents: n}
	docs := make([]*crdt.Doc, n)
	cost.Empty, cost.EmptyCPU = collect()
	before := heapInUse()
	for i := range docs {
		docs[i] = crdt.New(crdt.Options{})
		_, err := docs[i].ApplyUpdate(u)
		must(err)
	}
	after := heapInUse()
	cost.Full, cost.CPU = collect()
	cost.HeapMB = float64(after) / (1 << 20)
	scan := []metrics.Sample{{Name: "/gc/scan/heap:bytes"}}
	metrics.Read(scan)
	cost.ScannableMBytes = float64(scan[0].Value.Uint64()) / (1 << 20)
	runtime.KeepAlive(docs)
	b.result.Samples = []float64{float64(after-before) / float64(n)}
	b.result.GC = cost
}

func heapInUse() uint64 {
	runtime.GC()
	runtime.GC() // the first one may leave garbage unswept
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// collect runs ten full garbage collections and returns the minimum times of one, in ms.
func collect() (wall, cpu float64) {
	wall, cpu = 1e9, 1e9
	for range 10 {
		before, start := cpuTime(), time.Now()
		runtime.GC()
		wall = min(wall, float64(time.Since(start).Nanoseconds())/1e6)
		cpu = min(cpu, cpuTime()-before)
	}
	return wall, cpu
}
