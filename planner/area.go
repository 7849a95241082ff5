package planner

import (
	"slices"

	"github.com/go-dtde/dtde/config"
)

// maxBoxes bounds the boxes of an area; beyond it boxes are joined into a wider one.
const maxBoxes = 64

// maxProduct bounds the pairs of boxes that one AND may look at.
const maxProduct = 256

// area is a set of rows as seen through the key columns: everything, or a union of
// boxes. It holds at least the rows that it stands for; exact tells that it holds
// no others.
type area struct {
	full  bool
	exact bool
	boxes []Box
}

func anything() area   { return area{full: true} }
func everything() area { return area{full: true, exact: true} }
func nothing() area    { return area{exact: true} }

func (a area) empty() bool { return !a.full && len(a.boxes) == 0 }

// slab is the area of all rows whose column dim lies in the set.
func slab(dims, dim int, set config.Set, exact bool) area {
	if set.IsEmpty() {
		return nothing()
	}
	box := make(Box, dims)
	for i := range box {
		if box[i] = config.Full(); i == dim {
			box[i] = set
		}
	}
	return area{exact: exact, boxes: []Box{box}}
}

func (a area) and(b area) area {
	switch {
	case a.empty() || b.empty():
		return nothing()
	case a.full:
		b.exact = b.exact && a.exact
		return b
	case b.full:
		a.exact = a.exact && b.exact
		return a
	}
	out := area{exact: a.exact && b.exact}
	x, y := a.boxes, b.boxes
	for len(x)*len(y) > maxProduct {
		out.exact = false
		if len(x) >= len(y) {
			x = widen(x, len(x)/2)
		} else {
			y = widen(y, len(y)/2)
		}
	}
	for _, p := range x {
		for _, q := range y {
			if r := p.intersect(q); r != nil {
				out.boxes = append(out.boxes, r)
			}
		}
	}
	return out.tidy()
}

func (a area) or(b area) area {
	switch {
	case a.empty():
		return b
	case b.empty():
		return a
	case a.full:
		a.exact = a.exact || b.full && b.exact
		return a
	case b.full:
		return b
	}
	out := area{exact: a.exact && b.exact, boxes: slices.Concat(a.boxes, b.boxes)}
	return out.tidy()
}

// tidy merges boxes that together are one, and keeps their number bounded.
func (a area) tidy() area {
	a.boxes = join(a.boxes)
	if len(a.boxes) > maxBoxes {
		a.boxes, a.exact = widen(a.boxes, maxBoxes), false
	}
	if len(a.boxes) == 1 && a.boxes[0].full() {
		return area{full: true, exact: a.exact}
	}
	return a
}

// join merges, as long as it finds any, two boxes that differ in one column only.
func join(boxes []Box) []Box {
	for again := true; again; {
		again = false
		for i := 0; i < len(boxes); i++ {
			for j := i + 1; j < len(boxes); j++ {
				if dim := difference(boxes[i], boxes[j]); dim >= -1 {
					if dim >= 0 {
						merged := slices.Clone(boxes[i])
						merged[dim] = boxes[i][dim].Union(boxes[j][dim])
						boxes[i] = merged
						again = true
					}
					boxes = slices.Delete(boxes, j, j+1)
					j--
				}
			}
		}
	}
	return boxes
}

// difference is the one column in which two boxes differ, -1 if they are equal, and
// -2 if they differ in several.
func difference(a, b Box) int {
	found := -1
	for i := range a {
		if !sameSet(a[i], b[i]) {
			if found >= 0 {
				return -2
			}
			found = i
		}
	}
	return found
}

func sameSet(a, b config.Set) bool {
	if v, ok := a.Single(); ok {
		w, too := b.Single()
		return too && v == w
	}
	return a.HasNull() == b.HasNull() && slices.Equal(a.Intervals(), b.Intervals())
}

// widen joins the last boxes into one, so that at most n are left.
func widen(boxes []Box, n int) []Box {
	n = max(n, 1)
	if len(boxes) <= n {
		return boxes
	}
	last := make(Box, len(boxes[0]))
	for i := range last {
		last[i] = unionOf(boxes[n-1:], i)
	}
	return append(slices.Clone(boxes[:n-1]), last)
}

// unionOf joins one column of all boxes; halving keeps thousands of them cheap.
func unionOf(boxes []Box, column int) config.Set {
	if len(boxes) == 1 {
		return boxes[0][column]
	}
	half := len(boxes) / 2
	return unionOf(boxes[:half], column).Union(unionOf(boxes[half:], column))
}

// intersect is nil if the boxes have nothing in common.
func (b Box) intersect(c Box) Box {
	out := make(Box, len(b))
	for i := range b {
		switch {
		case b[i].IsFull():
			out[i] = c[i]
		case c[i].IsFull():
			out[i] = b[i]
		default:
			if out[i] = b[i].Intersect(c[i]); out[i].IsEmpty() {
				return nil
			}
		}
	}
	return out
}

func (b Box) full() bool {
	for i := range b {
		if !b[i].IsFull() {
			return false
		}
	}
	return true
}
