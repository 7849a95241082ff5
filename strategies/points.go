package strategies

import (
	"math"

	"github.com/go-dtde/dtde/config"
)

// count is the number of non-NULL values in a set; ok is false if they cannot be
// counted, or are beyond counting.
func count(set config.Set) (n int, ok bool) {
	if v, single := set.Single(); single {
		if v.IsNull() {
			return 0, true
		}
		return 1, true
	}
	for _, iv := range set.Intervals() {
		w, ok := width(iv)
		if !ok || n+w < n {
			return 0, false
		}
		n += w
	}
	return n, true
}

// width is the number of values in an interval, if it is a point or one of integers
// or bools.
func width(iv config.Interval) (int, bool) {
	if iv.From.Open || iv.To.Open {
		return 0, false
	}
	if iv.From.Value == iv.To.Value {
		return 1, true
	}
	if !iv.From.Inclusive || !iv.To.Inclusive {
		return 0, false
	}
	switch iv.From.Value.Kind() {
	case config.KindBool:
		return 2, true
	case config.KindInt:
		a, aSmall := iv.From.Value.AsInt()
		b, bSmall := iv.To.Value.AsInt()
		if !bSmall {
			u, natural := iv.From.Value.AsUint()
			top, _ := iv.To.Value.AsUint()
			if !natural || top-u >= math.MaxInt32 {
				return 0, false
			}
			return int(top-u) + 1, true
		}
		if !aSmall || uint64(b)-uint64(a) >= math.MaxInt32 {
			return 0, false
		}
		return int(b-a) + 1, true
	}
	return 0, false
}

// each calls f with every non-NULL value of a set that count can count, in ascending
// order, until f returns false.
func each(set config.Set, f func(config.Value) bool) {
	if v, single := set.Single(); single {
		if !v.IsNull() {
			f(v)
		}
		return
	}
	for _, iv := range set.Intervals() {
		for v := iv.From.Value; ; v = after(v) {
			if !f(v) {
				return
			}
			if v == iv.To.Value {
				break
			}
		}
	}
}

// after is the next integer, or true for false. It is not asked beyond the end.
func after(v config.Value) config.Value {
	if v.Kind() == config.KindBool {
		return config.Bool(true)
	}
	if i, ok := v.AsInt(); ok && i < math.MaxInt64 {
		return config.Int(i + 1)
	}
	u, _ := v.AsUint()
	return config.Uint(u + 1)
}
