package planner

import (
	"slices"

	"github.com/go-dtde/dtde/config"
)

// tuples evaluates (columns) IN (rows). Columns that are not analysed admit anything;
// with one analysed column the rows are a set, with two they are grouped by the
// first, then by equal sets of the second, so that thousands of rows of a preload
// make few boxes.
func (a *analyser) tuples(left, rows []operand, lo, hi int) area {
	var where, dims []int
	for i, o := range left {
		if o.kind == operandColumn && !slices.Contains(dims, o.dim) {
			where, dims = append(where, i), append(dims, o.dim)
		}
	}
	exact := len(dims) == len(left)
	if len(dims) == 0 || len(dims) > 2 && len(rows) > maxBoxes {
		return a.giveUp(lo, hi)
	}
	keys := make([]config.Value, 0, len(rows)*len(dims))
	for _, r := range rows {
		key, null, ok := a.tuple(r.row, where, dims)
		switch {
		case !ok:
			return a.giveUp(lo, hi)
		case null:
			// A row with NULL in it equals none.
		default:
			keys = append(keys, key...)
		}
	}
	if len(keys) == 0 {
		return nothing()
	}
	switch len(dims) {
	case 1:
		return a.slab(dims[0], config.Points(keys...), exact)
	case 2:
		return a.pairs(dims, keys, exact)
	}
	out := nothing()
	for at := 0; at < len(keys); at += len(dims) {
		one := everything()
		for i, dim := range dims {
			one = one.and(a.slab(dim, config.Point(keys[at+i]), exact))
		}
		out = out.or(one)
	}
	return out
}

// tuple converts the analysed columns of one row; ok is false if any cannot be.
func (a *analyser) tuple(row []operand, where, dims []int) (key []config.Value, null, ok bool) {
	key = make([]config.Value, 0, len(dims))
	for i, at := range where {
		if row[at].kind != operandValue {
			return nil, false, false
		}
		r, ok := compare(a.scope.columns[dims[i]], opEq, row[at].value, false)
		switch {
		case !ok || !r.null && !r.exact:
			return nil, false, false
		case r.null:
			null = true
		default:
			v, _ := r.set.Single()
			key = append(key, v)
		}
	}
	return key, null, true
}

// pairs makes boxes of rows over two columns.
func (a *analyser) pairs(dims []int, keys []config.Value, exact bool) area {
	seconds := map[config.Value][]config.Value{}
	var firsts []config.Value
	for i := 0; i < len(keys); i += 2 {
		if _, seen := seconds[keys[i]]; !seen {
			firsts = append(firsts, keys[i])
		}
		seconds[keys[i]] = append(seconds[keys[i]], keys[i+1])
	}
	slices.SortFunc(firsts, config.Value.Compare)
	type group struct {
		firsts []config.Value
		second config.Set
	}
	var groups []group
	for _, f := range firsts {
		set := config.Points(seconds[f]...)
		// Comparing with the recent groups only keeps this linear; what is not found
		// here is found by tidy.
		found := false
		for i := len(groups) - 1; i >= max(0, len(groups)-maxBoxes) && !found; i-- {
			if found = sameSet(groups[i].second, set); found {
				groups[i].firsts = append(groups[i].firsts, f)
			}
		}
		if !found {
			groups = append(groups, group{firsts: []config.Value{f}, second: set})
		}
	}
	out := area{exact: exact}
	for _, g := range groups {
		box := make(Box, len(a.scope.columns))
		for i := range box {
			box[i] = config.Full()
		}
		box[dims[0]], box[dims[1]] = config.Points(g.firsts...), g.second
		out.boxes = append(out.boxes, box)
	}
	if len(out.boxes) > 2*maxBoxes {
		out.boxes, out.exact = widen(out.boxes, maxBoxes), false
	}
	return out.tidy()
}
