package bars

import (
	"syscall"
	"time"
	"unsafe"
)

// clockThreadCPU is CLOCK_THREAD_CPUTIME_ID.
const clockThreadCPU = 3

// threadTime is the processor time that this thread has used: unlike the clock on the
// wall it stands still while other programs have the processor.
func threadTime() time.Duration {
	var ts syscall.Timespec
	if _, _, fault := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&ts)), 0); fault != 0 {
		return wallTime()
	}
	return time.Duration(ts.Nano())
}
