package wheregen

import (
	"strings"

	"pgregory.net/rapid"
)

// Column is a column that conditions speak of.
type Column struct {
	// Name is the column's name.
	Name string
	// Weight is how often it is drawn beside the others; 0 means 1.
	Weight int
	// Values are of the column's own Go type, for maps, lists and rows of values.
	Values []any
	// As draws a value to compare with: one of Values, in another Go type, or one
	// that the column does not hold; nil means a value of Values.
	As func(t *rapid.T) any
	// Literals are values as they stand in SQL text.
	Literals []string
	// Exprs are expressions as SQL text that may stand where a value does.
	Exprs []string
}

// Model is what conditions are drawn for.
type Model struct {
	// Table is the name by which the columns can be qualified.
	Table string
	// Columns are drawn by their weights.
	Columns []Column
	// Primary are primary keys, for clause.PrimaryColumn.
	Primary []any
	// Unknown are conditions that a planner need not understand.
	Unknown []string
	// Struct draws a pointer to a model with at least one field that is not zero;
	// nil means no struct conditions.
	Struct func(t *rapid.T) any
	// Quote is the engine's quote for names; "" means that none are quoted.
	Quote string
}

func (m *Model) column(t *rapid.T) *Column {
	total := 0
	for i := range m.Columns {
		total += max(m.Columns[i].Weight, 1)
	}
	n := rapid.IntRange(0, total-1).Draw(t, "column")
	for i := range m.Columns {
		if n -= max(m.Columns[i].Weight, 1); n < 0 {
			return &m.Columns[i]
		}
	}
	return &m.Columns[0]
}

// value draws a value in whatever type.
func (c *Column) value(t *rapid.T) any {
	if c.As == nil {
		return c.plain(t)
	}
	return c.As(t)
}

// plain draws a value of the column's type.
func (c *Column) plain(t *rapid.T) any { return rapid.SampledFrom(c.Values).Draw(t, "value") }

// spelled draws a way to write a column's name.
func (m *Model) spelled(t *rapid.T, c *Column) string {
	forms := []string{c.Name, c.Name, c.Name, m.Table + "." + c.Name, strings.ToUpper(c.Name)}
	if q := m.Quote; q != "" {
		forms = append(forms, q+c.Name+q, q+m.Table+q+"."+q+c.Name+q)
	}
	return rapid.SampledFrom(forms).Draw(t, "name")
}
