package main

import (
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"weft/server"
)

// limitMemoryToContainer sets Go's memory limit to 80 % of the container's (cgroup v2 or
// v1), unless GOMEMLIMIT is set. Go reads no container limit itself.
func limitMemoryToContainer() {
	if os.Getenv("GOMEMLIMIT") != "" || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// Without a limit the file says "max" (v2) or a number near 2^63 (v1).
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < 1<<50 {
			debug.SetMemoryLimit(n / 100 * 80)
			return
		}
	}
}

type limitsCmd struct{}

// Run prints the limits, their defaults and their meaning.
func (limitsCmd) Run() error {
	for _, line := range server.LimitNames() {
		fmt.Println(line)
	}
	return nil
}
