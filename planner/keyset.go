package planner

import (
	"gorm.io/gorm/clause"
)

// KeysetColumn is one key of an order that pages by keys.
type KeysetColumn struct {
	// Column is one of the entity's columns.
	Column string
	Desc   bool
	// Nullable tells that rows may have NULL there.
	Nullable bool
}

// Keyset is a total order of an entity's rows.
type Keyset struct {
	// Columns are the ORDER BY's, without repetitions, and after them those of the
	// primary key that it lacks, ascending.
	Columns []KeysetColumn
	// Appended is how many of them the statement's ORDER BY lacks.
	Appended int
}

// Keyset reads the statement's ORDER BY as an order that pages by keys. A statement
// whose rows are not the entity's, or whose order is not by its columns, is refused.
func (s *Statement) Keyset() (*Keyset, error) {
	h := s.shape()
	schema := s.Table.Schema
	switch {
	case schema == nil || len(schema.PrimaryFieldDBNames) == 0:
		return nil, s.refuse("cursor-shape", "a cursor over a model without a primary key", "page by Offset")
	case !h.plain || h.grouped || h.distinct:
		return nil, s.refuse("cursor-shape", "a cursor over rows that are not the model's own (aggregates, groups, DISTINCT)", "page by Offset")
	case s.joins():
		return nil, s.refuse("cursor-shape", "a cursor over a join, whose rows the primary key does not tell apart", "preload the relation")
	case h.ordered && !h.plainOrder:
		return nil, s.refuse("cursor-order", "a cursor over ORDER BY other than columns of the model", "order by columns")
	case s.Table.LocalUnique["primary"]:
		return nil, s.refuse("cursor-shape", "a cursor over a model whose primary key is unique per shard only", "page by Offset")
	}
	k := &Keyset{}
	seen := map[string]bool{}
	add := func(column string, desc bool) error {
		if seen[column] {
			return nil
		}
		seen[column] = true
		f := schema.LookUpField(column)
		if f.Serializer != nil {
			return s.refuse("cursor-order", "a cursor over ORDER BY "+column+", which is serialized", "order by other columns")
		}
		k.Columns = append(k.Columns, KeysetColumn{Column: column, Desc: desc, Nullable: !f.NotNull && !f.PrimaryKey})
		return nil
	}
	for _, o := range h.order {
		if err := add(o.column, o.desc); err != nil {
			return nil, err
		}
	}
	given := len(k.Columns)
	for _, column := range schema.PrimaryFieldDBNames {
		if err := add(column, false); err != nil {
			return nil, err
		}
	}
	k.Appended = len(k.Columns) - given
	return k, nil
}

// OrderBy lists the columns that the statement's own ORDER BY lacks.
func (k *Keyset) OrderBy(alias string) clause.OrderBy {
	by := clause.OrderBy{}
	for _, c := range k.Columns[len(k.Columns)-k.Appended:] {
		by.Columns = append(by.Columns, clause.OrderByColumn{
			Column: clause.Column{Table: alias, Name: c.Column}, Desc: c.Desc,
		})
	}
	return by
}

// After is the condition of the rows that come after the one with these values, one per
// column; nil is NULL. NULLs stand where the dialect's ORDER BY has them.
func (k *Keyset) After(values []any, alias string, d Dialect) clause.Expression {
	return k.after(0, values, alias, d)
}

// after is: later in this column, or equal there and after in the next ones.
func (k *Keyset) after(i int, values []any, alias string, d Dialect) clause.Expression {
	c, v := k.Columns[i], values[i]
	column := clause.Column{Table: alias, Name: c.Column}
	nullsFirst := !d.postgres() != c.Desc
	var some []clause.Expression
	switch {
	case v == nil && nullsFirst:
		some = append(some, clause.Neq{Column: column, Value: nil})
	case v == nil: // nothing comes after NULL
	case c.Desc:
		some = append(some, clause.Lt{Column: column, Value: v})
	default:
		some = append(some, clause.Gt{Column: column, Value: v})
	}
	if v != nil && c.Nullable && !nullsFirst {
		some = append(some, clause.Eq{Column: column, Value: nil})
	}
	if i+1 < len(k.Columns) {
		some = append(some, clause.And(clause.Eq{Column: column, Value: v}, k.after(i+1, values, alias, d)))
	}
	switch len(some) {
	case 0:
		return clause.Expr{SQL: "1 = 0"}
	case 1:
		return some[0]
	}
	return clause.Or(some...)
}
