package callbacks

import (
	"database/sql/driver"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// keyRange is the condition that a row doesn't come before from and comes before to, in
// the order of the keys; nil is open. For a row exactly one of "before" and "not before"
// a key is true, NULLs included: what one statement leaves behind the next begins with.
type keyRange struct {
	keys     []planner.OrderKey
	from, to []driver.Value
	// names are the keys' columns as the text has them; nil: as the statement quotes them.
	names []string
	// negated bounds several columns without OR where NULLs allow it: SQLite and
	// PostgreSQL plan an index for each side of an OR, which takes them longer than to
	// run what these conditions are for.
	negated bool
}

// Build writes the condition.
func (r keyRange) Build(b clause.Builder) {
	lower, upper := r, r
	if r.from != nil && r.to != nil && !r.keys[0].NotNull { // one bound alone leaves out NULL, if it is on its other side
		one := &lower
		if r.keys[0].NullsFirst {
			one = &upper
		}
		if r.from[0] != nil && r.to[0] != nil {
			one.keys = slices.Clone(r.keys)
			one.keys[0].NotNull = true
		}
	}
	if r.from != nil {
		lower.side(b, r.from, false)
	}
	if r.from != nil && r.to != nil {
		_, _ = b.WriteString(" AND ")
	}
	if r.to != nil {
		upper.side(b, r.to, true)
	}
}

// side writes one bound in the form that suits it.
func (r keyRange) side(b clause.Builder, key []driver.Value, before bool) {
	if !r.negated || len(r.keys) == 1 || !r.negatable(key, before) {
		r.bound(b, key, before)
		return
	}
	_ = b.WriteByte('(')
	r.lead(b, key[0], before)
	_, _ = b.WriteString(" AND NOT (")
	r.equal(b, 0, key[0])
	_, _ = b.WriteString(" AND ")
	r.behindFirst().bound(b, key[1:], !before)
	_, _ = b.WriteString("))")
}

// negatable tells that what the bound leaves out of the rows with the key's first value
// can be said without NULL, and that it leaves out NULL in the first column.
func (r keyRange) negatable(key []driver.Value, before bool) bool {
	for i, k := range r.keys {
		if key[i] == nil || !k.NotNull && (i > 0 || k.NullsFirst == before) {
			return false
		}
	}
	return true
}

// bound writes the comparison with one key: rows before it, or the others. The first
// column is bounded by itself, too, for the engine's index.
func (r keyRange) bound(b clause.Builder, key []driver.Value, before bool) {
	_ = b.WriteByte('(')
	if len(r.keys) > 1 && r.lead(b, key[0], before) {
		_, _ = b.WriteString(" AND (")
		defer func() { _ = b.WriteByte(')') }()
	}
	defer func() { _ = b.WriteByte(')') }()
	terms := 0
	term := func(n int) {
		if terms > 0 {
			_, _ = b.WriteString(" OR ")
		}
		terms++
		for i := range n {
			if i > 0 {
				_, _ = b.WriteString(" AND ")
			}
			r.equal(b, i, key[i])
		}
	}
	last := len(r.keys) - 1
	for n := range r.keys {
		if !r.beyond(nil, n, key[n], before, false) {
			continue
		}
		term(n)
		if n > 0 {
			_, _ = b.WriteString(" AND ")
		}
		r.beyond(b, n, key[n], before, !before && n == last)
	}
	if !before && key[last] == nil { // otherwise the last term has the key itself, too
		term(len(r.keys))
	}
	if terms == 0 { // nothing comes before NULL
		_, _ = b.WriteString("1 = 0")
	}
}

// lead bounds the first column loosely; false if nothing bounds it.
func (r keyRange) lead(b clause.Builder, v driver.Value, before bool) bool {
	k := r.keys[0]
	if v != nil {
		return r.beyond(b, 0, v, before, true)
	}
	if k.NullsFirst == before { // NULLs are on the side that is asked for
		r.equal(b, 0, nil)
		return true
	}
	return false
}

// behindFirst is the range's order without its first column.
func (r keyRange) behindFirst() keyRange {
	rest := keyRange{keys: r.keys[1:]}
	if r.names != nil {
		rest.names = r.names[1:]
	}
	return rest
}

func (r keyRange) column(b clause.Builder, i int) {
	if r.names != nil {
		_, _ = b.WriteString(r.names[i])
		return
	}
	b.WriteQuoted(clause.Column{Table: clause.CurrentTable, Name: r.keys[i].Column})
}

func (r keyRange) equal(b clause.Builder, i int, v driver.Value) {
	r.column(b, i)
	if v == nil {
		_, _ = b.WriteString(" IS NULL")
		return
	}
	_, _ = b.WriteString(" = ")
	b.AddVar(b, v)
}

// beyond writes that column i lies before the value, or behind it, or, if inclusive, at
// it; false if nothing lies strictly there. Without a builder it only tells.
func (r keyRange) beyond(b clause.Builder, i int, v driver.Value, before, inclusive bool) bool {
	k := r.keys[i]
	nulls := k.NullsFirst == before
	if v == nil {
		if nulls { // NULL is the outermost on that side
			return false
		}
		if b != nil {
			r.column(b, i)
			_, _ = b.WriteString(" IS NOT NULL")
		}
		return true
	}
	if b == nil {
		return true
	}
	nulls = nulls && !k.NotNull
	if nulls {
		_ = b.WriteByte('(')
	}
	r.column(b, i)
	if before != k.Desc {
		_, _ = b.WriteString(" <")
	} else {
		_, _ = b.WriteString(" >")
	}
	if inclusive {
		_ = b.WriteByte('=')
	}
	_ = b.WriteByte(' ')
	b.AddVar(b, v)
	if nulls {
		_, _ = b.WriteString(" OR ")
		r.equal(b, i, nil)
		_ = b.WriteByte(')')
	}
	return true
}
