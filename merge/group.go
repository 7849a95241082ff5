package merge

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
)

// ErrGroupSpec means that a [GroupSpec] contradicts itself: an unknown function, or an average without a rule.
var ErrGroupSpec = errors.New("merge: invalid group specification")

// Func says what becomes of a column when groups are merged. The zero value is invalid.
type Func uint8

// The functions of a [GroupColumn].
const (
	Key   Func = iota + 1 // GROUP BY column: the value that all rows of a group share
	Count                 // sum of partial COUNTs; 0 for no rows, never NULL
	Sum                   // sum of partial SUMs; NULL if all are NULL
	Min                   // least partial MIN; NULLs count only if all are NULL
	Max                   // greatest partial MAX; likewise
	Avg                   // partial SUM divided by partial COUNT; NULL for no values
	// CountDistinct is how many different combinations the columns Values have over a group's partial rows, those with a
	// NULL left out: for partial rows that are grouped by these columns, too.
	CountDistinct
	// Variance is the variance or standard deviation, as Spread says, from the partial SUM in Column, the partial COUNT
	// in Counts, and Squares. Exact values are rounded as PostgreSQL rounds them.
	Variance
)

// GroupColumn is one column of the merged groups.
type GroupColumn struct {
	// Name of the result column; empty means that of Column.
	Name string
	// Func is what to do with Column.
	Func Func
	// Column is the position in the partial rows, from 0; for Avg that of the partial SUM.
	Column int
	// Counts is, for Avg and Variance, the position of the partial COUNT of the same expression.
	Counts int
	// Squares is, for Variance, the position of the partial sum of squares or VAR_POP; Spread says which, and what is
	// wanted.
	Squares int
	Spread  Spread
	// Values are the positions of CountDistinct's values. A Sum or Avg with Values takes a partial row only if its
	// combination of them is new to the group and has no NULL: SUM(DISTINCT …) of partial rows that are grouped by them,
	// too, is the Sum of what each adds by itself.
	Values []int
	// Shape is 1 + the position of the partial column that the result has its name and type of; 0 means Column's.
	Shape int
	// Compare orders values for Min and Max; nil means [ComparerFor] the column's type.
	Compare Comparer
}

// shape is the position of the column that gives name and type.
func (c *GroupColumn) shape() int {
	if c.Shape > 0 {
		return c.Shape - 1
	}
	return c.Column
}

// GroupSpec describes how partial groups are merged.
type GroupSpec struct {
	// Columns are the columns of the result, in order. Without a Key column the result is exactly one row, also if there
	// are no partial rows at all; with one, no partial rows give no groups.
	Columns []GroupColumn
	// MaxGroups bounds the groups that are kept, and, by themselves, the different values of columns in all
	// groups; more are [ErrTooManyRows]. 0 or less allows none.
	MaxGroups int
	// Average is the engine's way to divide; needed if there is an Avg column.
	Average AverageRule
}

// Group merges rows of partial aggregates, one row per group and shard, into one row per group, in the order in which
// the groups first appear. It reads src to its end on the first Next and closes it. Keys are equal as in [Distinct].
//
// SUM keeps the kind of its partials: integers stay int64 and fail with [ErrOverflow] if the total doesn't fit, as the
// engines that return integers do; decimal text is added exactly and keeps the largest scale and its Go kind; floats
// are added as float64 (and rounded to float32 in a FLOAT4 column); integers and floats together give a float. Text that
// is no plain decimal is [ErrNotNumeric], as are decimal text and floats in one group.
func Group(src Source, spec GroupSpec) Source {
	g := &grouped{src: owned{Source: src}, spec: spec}
	columns := src.Columns()
	g.failure = spec.check(len(columns))
	if g.failure != nil {
		return g
	}
	for _, c := range spec.Columns {
		name := c.Name
		if name == "" {
			name = columns[c.shape()]
		}
		g.columns = append(g.columns, name)
	}
	return g
}

func (spec GroupSpec) check(width int) error {
	for i, c := range spec.Columns {
		switch {
		case c.Func < Key || c.Func > Variance:
			return fmt.Errorf("%w: column %d has no function", ErrGroupSpec, i)
		case c.Column < 0 || c.Column >= width, c.Shape < 0 || c.Shape > width, (c.Func == Avg || c.Func == Variance) && (c.Counts < 0 || c.Counts >= width),
			c.Func == Variance && (c.Squares < 0 || c.Squares >= width), slices.ContainsFunc(c.Values, func(at int) bool { return at < 0 || at >= width }):
			return fmt.Errorf("%w: result column %d reads outside of %d columns", ErrColumns, i, width)
		case c.Func == Avg && !spec.Average.valid():
			return fmt.Errorf("%w: column %d is an average without a rule", ErrGroupSpec, i)
		}
	}
	return nil
}

type grouped struct {
	src     owned
	spec    GroupSpec
	columns []string
	types   []ColumnType // of the result, once read
	groups  []group
	next    int
	values  int    // how many are kept
	key     []byte // of the last of them
	failure error
}

// group has one aggregate per result column.
type group []aggregate

func (g *grouped) Columns() []string { return g.columns }

func (g *grouped) ColumnTypes() []ColumnType {
	if len(g.columns) == 0 || g.types != nil {
		return g.types
	}
	return g.spec.resultTypes(g.src.ColumnTypes())
}

func (spec GroupSpec) resultTypes(types []ColumnType) []ColumnType {
	result := make([]ColumnType, len(spec.Columns))
	for i, c := range spec.Columns {
		result[i] = types[c.Column]
		if c.Shape > 0 {
			result[i] = types[c.shape()]
		} else if c.Func == Avg {
			result[i] = spec.Average.resultType(types[c.Column])
		}
	}
	return result
}

func (g *grouped) Next(dest []driver.Value) error {
	if g.failure == nil {
		g.failure = checkWidth(dest, g.columns)
	}
	if g.failure == nil && g.types == nil {
		g.failure = g.read()
	}
	if g.failure != nil {
		g.failure = g.src.end(g.failure)
		return g.failure
	}
	if g.next == len(g.groups) {
		return io.EOF
	}
	for i := range dest {
		v, err := g.groups[g.next][i].result(&g.spec, i)
		if err != nil {
			g.failure = fmt.Errorf("merge: group column %d: %w", i, err)
			return g.failure
		}
		dest[i] = v
	}
	g.next++
	return nil
}

// read consumes the partial rows. types are taken before the first one and describe the result from then on.
func (g *grouped) read() error {
	partialTypes := g.src.ColumnTypes()
	kinds := kindsOf(partialTypes)
	keyed := false
	// The caller's specification stays as it is; ours gets the comparers.
	columns := append([]GroupColumn(nil), g.spec.Columns...)
	for i := range columns {
		c := &columns[i]
		keyed = keyed || c.Func == Key
		if c.Func == Avg && partialTypes[c.Column].DatabaseTypeName == "FLOAT4" {
			return fmt.Errorf("%w: column %d: FLOAT4 sums are rounded, select them as double precision", ErrGroupSpec, i)
		}
		if c.Compare == nil {
			c.Compare = ComparerFor(partialTypes[c.Column])
		}
	}
	g.spec.Columns = columns

	index := map[string]int{}
	row := make([]driver.Value, len(partialTypes))
	var key []byte
	for {
		err := g.src.Next(row)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if key, err = g.spec.appendKey(key[:0], row, kinds); err != nil {
			return err
		}
		at, found := index[string(key)]
		if !found {
			at = len(g.groups)
			if err := g.open(row, partialTypes); err != nil {
				return err
			}
			index[string(key)] = at
		}
		for i := range columns {
			var err error
			c, counts := &columns[i], true
			if len(c.Values) > 0 {
				counts, err = g.different(&g.groups[at][i], c, row, kinds)
			}
			if counts && err == nil {
				err = g.groups[at][i].add(c, row)
			}
			if err != nil {
				return fmt.Errorf("merge: group column %d: %w", i, err)
			}
		}
	}
	if !keyed && len(g.groups) == 0 {
		if err := g.open(row, partialTypes); err != nil {
			return err
		}
	}
	g.types = g.spec.resultTypes(partialTypes)
	return g.src.Close()
}

func (spec *GroupSpec) appendKey(key []byte, row []driver.Value, kinds []columnKind) ([]byte, error) {
	var err error
	for i, c := range spec.Columns {
		if c.Func != Key {
			continue
		}
		if key, err = appendIdentity(key, row[c.Column], kinds[c.Column]); err != nil {
			return key, fmt.Errorf("merge: group column %d: %w", i, err)
		}
	}
	return key, nil
}

// open starts a group with the keys of row.
func (g *grouped) open(row []driver.Value, types []ColumnType) error {
	if len(g.groups) >= g.spec.MaxGroups {
		return fmt.Errorf("%w: more than %d groups", ErrTooManyRows, max(g.spec.MaxGroups, 0))
	}
	aggregates := make(group, len(g.spec.Columns))
	for i, c := range g.spec.Columns {
		switch c.Func {
		case Key:
			aggregates[i].value = row[c.Column]
		case Sum:
			aggregates[i].sum.single = types[c.Column].DatabaseTypeName == "FLOAT4"
		}
	}
	g.groups = append(g.groups, aggregates)
	return nil
}

func (g *grouped) Close() error {
	if g.failure == nil {
		g.failure = ErrClosed
	}
	g.groups = nil
	return g.src.Close()
}
