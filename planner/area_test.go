package planner

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"github.com/go-dtde/dtde/config"
)

// point is a row as an area sees it.
type point [3]config.Value

func drawPoint(t *rapid.T) (p point) {
	for i := range p {
		if n := rapid.Int64Range(-1, 6).Draw(t, "value"); n < 0 {
			p[i] = config.Null()
		} else {
			p[i] = config.Int(n)
		}
	}
	return p
}

func (a area) contains(p point) bool {
	return a.full || slices.ContainsFunc(a.boxes, func(b Box) bool {
		return b[0].Contains(p[0]) && b[1].Contains(p[1]) && b[2].Contains(p[2])
	})
}

// drawArea draws an area of up to n boxes.
func drawArea(t *rapid.T, n int) area {
	out := area{exact: true}
	for range rapid.IntRange(0, n).Draw(t, "boxes") {
		box := make(Box, 3)
		for i := range box {
			switch rapid.IntRange(0, 2).Draw(t, "set") {
			case 0:
				box[i] = config.Full()
			case 1:
				p := drawPoint(t)
				box[i] = config.Points(p[:]...)
			default:
				box[i] = config.Between(config.Bound{Value: config.Int(rapid.Int64Range(0, 3).Draw(t, "from")), Inclusive: true}, config.Bound{Value: config.Int(5)})
			}
		}
		out.boxes = append(out.boxes, box)
	}
	return out.tidy()
}

// TestAreaLaws: OR and AND of areas hold the points that they should, and no others
// while they are exact.
func TestAreaLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{2, 4, 30, 200}).Draw(t, "size")
		a, b := drawArea(t, size), drawArea(t, size)
		and, or := a.and(b), a.or(b)
		for range 50 {
			p := drawPoint(t)
			inA, inB := a.contains(p), b.contains(p)
			if inA && inB && !and.contains(p) || (inA || inB) && !or.contains(p) {
				t.Fatalf("%v is lost", p)
			}
			if and.exact && and.contains(p) && (!inA || !inB) || or.exact && or.contains(p) && !inA && !inB {
				t.Fatalf("%v is too much for an exact area", p)
			}
		}
		if len(and.boxes) > maxBoxes || len(or.boxes) > maxBoxes {
			t.Fatalf("%d and %d boxes", len(and.boxes), len(or.boxes))
		}
	})
}

func TestAreaConstants(t *testing.T) {
	t.Parallel()
	one := slab(3, 0, config.Point(config.Int(1)), true)
	assert.True(t, one.or(anything()).full)
	assert.False(t, one.or(anything()).exact, "what is not known may be false")
	assert.True(t, one.or(everything()).exact)
	assert.False(t, one.and(anything()).exact)
	assert.True(t, nothing().and(anything()).exact, "nothing stays nothing")
	assert.True(t, nothing().and(anything()).empty())
	assert.Equal(t, one, one.and(everything()))
	assert.Equal(t, one, nothing().or(one))
}

// TestManyTuples: thousands of pairs make a bounded number of boxes that lose none.
func TestManyTuples(t *testing.T) {
	t.Parallel()
	keys := []config.KeyColumn{{Column: "a", Kind: config.KindInt, BytesEqual: true, BytesOrder: true}, {Column: "b", Kind: config.KindInt, BytesEqual: true, BytesOrder: true}}
	s := &scope{dialect: Dialect{Name: "sqlite"}, columns: []*config.KeyColumn{&keys[0], &keys[1]}, keys: 2}
	a := analyser{scope: s}
	left := []operand{{kind: operandColumn, dim: 0}, {kind: operandColumn, dim: 1}}
	var rows []operand
	for i := range int64(3000) {
		rows = append(rows, operand{kind: operandRow, row: []operand{{kind: operandValue, value: i}, {kind: operandValue, value: i * i % 1009}}})
	}
	got := a.tuples(left, rows, 0, 0)
	assert.LessOrEqual(t, len(got.boxes), maxBoxes)
	assert.False(t, got.exact)
	for i := range int64(3000) {
		assert.True(t, slices.ContainsFunc(got.boxes, func(b Box) bool {
			return b[0].Contains(config.Int(i)) && b[1].Contains(config.Int(i*i%1009))
		}))
	}
	got = a.tuples(left, rows[:10], 0, 0)
	assert.True(t, got.exact)
	assert.Len(t, got.boxes, 10)
}
