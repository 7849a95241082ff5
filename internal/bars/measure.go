package bars

import (
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"
)

// Run is one call of what is measured.
type Run func() error

// clock tells a time since some moment.
type clock func() time.Duration

var wallStart = time.Now()

func wallTime() time.Duration { return time.Since(wallStart) }

// roundTime is about how long one side of a round takes: less than the processor is
// left to one program at a time.
const roundTime = 400 * time.Microsecond

// Ratio compares the time of ours with that of plain: the figure is the median over
// the rounds of ours ÷ plain, most the largest ratio that meets the bar.
func (r *Report) Ratio(name string, most float64, ours, plain Run) {
	r.ratio(name, most, ours, plain, wallTime)
}

// CPURatio is Ratio for what waits for nothing and starts no goroutines: it compares
// processor time.
func (r *Report) CPURatio(name string, most float64, ours, plain Run) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.ratio(name, most, ours, plain, threadTime)
}

func (r *Report) ratio(name string, most float64, ours, plain Run, now clock) {
	ratio, err := r.compare(ours, plain, now)
	if err != nil {
		r.Fault(name, err)
		return
	}
	r.Figure(name, "%.3f ×", ratio, most)
}

func (r *Report) compare(ours, plain Run, now clock) (float64, error) {
	once, err := warm(ours, plain, now)
	if err != nil {
		return 0, err
	}
	n := max(1, int(roundTime/max(once, time.Nanosecond)))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	ratios := make([]float64, 0, r.Rounds)
	for i := range r.Rounds {
		if i%roundsPerGC == 0 {
			runtime.GC()
		}
		first, second := ours, plain
		if i%2 == 1 {
			first, second = plain, ours
		}
		a, err := timed(first, n, now)
		if err != nil {
			return 0, err
		}
		b, err := timed(second, n, now)
		if err != nil {
			return 0, err
		}
		if i%2 == 1 {
			a, b = b, a
		}
		ratios = append(ratios, float64(a)/float64(b))
	}
	return median(ratios), nil
}

// roundsPerGC bounds the garbage of rounds: a few megabytes.
const roundsPerGC = 10

// warm runs both sides until they are at their pace, and gives plain's time per call.
func warm(ours, plain Run, now clock) (time.Duration, error) {
	for range 20 { // a server's plan of a prepared statement is another after some calls
		if err := ours(); err != nil {
			return 0, err
		}
		if err := plain(); err != nil {
			return 0, err
		}
	}
	for n := 5; ; n *= 2 {
		took, err := timed(plain, n, now)
		if err != nil {
			return 0, err
		}
		if took > 2*roundTime {
			return took / time.Duration(n), nil
		}
	}
}

func timed(run Run, n int, now clock) (time.Duration, error) {
	began := now()
	for range n {
		if err := run(); err != nil {
			return 0, err
		}
	}
	return now() - began, nil
}

func median[T float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

// Extra counts the allocations that one call of ours makes beyond plain's.
func (r *Report) Extra(name string, most int, ours, plain Run) {
	extra, err := ExtraAllocations(ours, plain)
	if err != nil {
		r.Fault(name, err)
		return
	}
	r.line(name, formatCount(extra), formatCount(most), most != NoBar, extra <= most)
}

// ExtraAllocations counts the allocations that one call of ours makes beyond
// plain's, on average over many calls. Nothing else should run meanwhile.
func ExtraAllocations(ours, plain Run) (int, error) {
	a, err := allocations(ours)
	if err != nil {
		return 0, err
	}
	b, err := allocations(plain)
	return int(a - b), err
}

// allocations is the least of a few averages: what runs beside the calls, the collector
// that empties pools among it, only adds.
func allocations(run Run) (least float64, err error) {
	least = math.Inf(1)
	for range 3 {
		least = min(least, testing.AllocsPerRun(100, func() {
			if e := run(); e != nil {
				err = e
			}
		}))
	}
	return least, err
}

// Milliseconds measures one call: the median of a few, the first not counted.
func (r *Report) Milliseconds(name string, most float64, run Run) {
	took, err := Median(run, 7)
	if err != nil {
		r.Fault(name, err)
		return
	}
	r.Figure(name, "%.1f ms", float64(took)/float64(time.Millisecond), most)
}

// Median is the median time of a few calls, after one that is not counted.
func Median(run Run, calls int) (time.Duration, error) {
	if err := run(); err != nil {
		return 0, err
	}
	times := make([]time.Duration, calls)
	for i := range times {
		var err error
		if times[i], err = timed(run, 1, wallTime); err != nil {
			return 0, err
		}
	}
	return median(times), nil
}

func formatCount(n int) string { return strconv.Itoa(n) }
