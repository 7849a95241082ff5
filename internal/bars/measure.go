package bars

import (
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"
)

// Run is one call of what is measured.
type Run func() error

// roundTime is about how long one side of a round takes.
const roundTime = 1500 * time.Microsecond

// Ratio compares the time of ours with that of plain: the figure is the median over
// the rounds of ours ÷ plain, most the largest ratio that meets the bar.
func (r *Report) Ratio(name string, most float64, ours, plain Run) {
	ratio, err := r.compare(ours, plain)
	if err != nil {
		r.Fault(name, err)
		return
	}
	r.Figure(name, "%.3f ×", ratio, most)
}

func (r *Report) compare(ours, plain Run) (float64, error) {
	once, err := warm(ours, plain)
	if err != nil {
		return 0, err
	}
	n := max(1, int(roundTime/max(once, time.Nanosecond)))
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	ratios := make([]float64, 0, r.Rounds)
	for i := range r.Rounds {
		runtime.GC()
		first, second := ours, plain
		if i%2 == 1 {
			first, second = plain, ours
		}
		a, err := timed(first, n)
		if err != nil {
			return 0, err
		}
		b, err := timed(second, n)
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

// warm runs both sides until they are at their pace, and gives plain's time per call.
func warm(ours, plain Run) (time.Duration, error) {
	for range 5 {
		if err := ours(); err != nil {
			return 0, err
		}
	}
	once := time.Duration(0)
	for n := 5; ; n *= 2 {
		took, err := timed(plain, n)
		if err != nil {
			return 0, err
		}
		if once = took / time.Duration(n); took > roundTime {
			return once, nil
		}
	}
}

func timed(run Run, n int) (time.Duration, error) {
	began := time.Now()
	for range n {
		if err := run(); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
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
// plain's, on average over many calls. Nothing else may run meanwhile.
func ExtraAllocations(ours, plain Run) (int, error) {
	a, err := allocations(ours)
	if err != nil {
		return 0, err
	}
	b, err := allocations(plain)
	return int(a - b), err
}

func allocations(run Run) (n float64, err error) {
	n = testing.AllocsPerRun(200, func() {
		if e := run(); e != nil {
			err = e
		}
	})
	return n, err
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
		if times[i], err = timed(run, 1); err != nil {
			return 0, err
		}
	}
	return median(times), nil
}

func formatCount(n int) string { return strconv.Itoa(n) }
