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

// liveWithin tells the runtime to live within 80 % of what the container may
// have, unless GOMEMLIMIT says otherwise.
func liveWithin() {
	if os.Getenv("GOMEMLIMIT") != "" || debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	for _, file := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// "max", or a number near 2^63, is no limit.
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && n < 1<<50 {
			debug.SetMemoryLimit(n / 100 * 80)
			return
		}
	}
}

type limitsCmd struct{}

// Run lists the limits.
func (limitsCmd) Run() error {
	for _, line := range server.LimitNames() {
		fmt.Println(line)
	}
	return nil
}
