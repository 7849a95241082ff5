//go:build !linux

package bars

import "time"

// threadTime is the clock on the wall, where a thread's own is not to be had.
func threadTime() time.Duration { return wallTime() }
