package callbacks

import (
	"database/sql/driver"
	"slices"

	"gorm.io/gorm"
	gormcallbacks "gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// sessionShape is what a pager asks of one shard's rows instead of the statement's own
// columns, order and limit.
type sessionShape struct {
	// columns are selected; nil means the statement's own.
	columns []clause.Column
	// count asks for the number of rows; limit bounds it if it is above 0.
	count         bool
	limit, offset int
	// where is added to the statement's conditions.
	where keyRange
}

// build builds statements of the pager's shape, one after another on the caller's own.
// pick fits the shape to shard i, or leaves the shard out, which then has no text; nil
// takes all.
func (pg *pager) build(reversed bool, pick func(i int, shape *sessionShape) bool, shape sessionShape) ([]shardSQL, error) {
	stmt := pg.db.Statement
	defer keepClauses(stmt, "SELECT", "WHERE", "ORDER BY", "LIMIT", "FROM")()
	a := aim(stmt)
	defer a.restore()
	where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
	own := stmt.Clauses["SELECT"]
	delete(stmt.Clauses, "ORDER BY")
	if !shape.count {
		order := clause.OrderBy{}
		for _, k := range pg.keys(reversed) {
			order.Columns = append(order.Columns, clause.OrderByColumn{
				Column: clause.Column{Table: clause.CurrentTable, Name: k.Column}, Desc: k.Desc,
			})
		}
		stmt.Clauses["ORDER BY"] = clause.Clause{Name: "ORDER BY", Expression: order}
	}
	sqls := make([]shardSQL, len(pg.plan.Targets))
	for i := range pg.plan.Targets {
		shape := shape
		if pick != nil && !pick(i, &shape) {
			continue
		}
		target := &pg.plan.Targets[i]
		stmt.Table, stmt.TableExpr = pg.alias, pg.r.asTable(target.Shard, pg.alias)
		exprs := where.Exprs
		if target.Where != nil {
			exprs = target.Where
		}
		setWhere(stmt, exprs, shape.where)
		switch {
		case shape.count && shape.limit > 0:
			own.Name, own.Expression = "SELECT", clause.Expr{SQL: "1"}
			stmt.Clauses["SELECT"] = own
		case shape.count:
			own.Name, own.Expression = "SELECT", clause.Expr{SQL: "COUNT(*)"}
			stmt.Clauses["SELECT"] = own
		case shape.columns != nil:
			own.Name, own.Expression = "SELECT", clause.Select{Columns: shape.columns}
			stmt.Clauses["SELECT"] = own
		}
		delete(stmt.Clauses, "LIMIT")
		if !shape.count || shape.limit > 0 {
			stmt.AddClause(clause.Limit{Limit: &shape.limit, Offset: shape.offset})
		}
		gormcallbacks.BuildQuerySQL(pg.db)
		if pg.db.Error != nil {
			return nil, pg.db.Error
		}
		text := stmt.SQL.String()
		if shape.count && shape.limit > 0 {
			text = "SELECT COUNT(*) FROM (" + text + ") AS counted"
		}
		sqls[i] = shardSQL{shard: target.Shard, text: text, vars: stmt.Vars}
		pg.plan.Sent(target.Shard, text, len(stmt.Vars))
		stmt.SQL.Reset()
		stmt.Vars = nil
	}
	return sqls, nil
}

// keepClauses gives a function that puts clauses back as they are now.
func keepClauses(stmt *gorm.Statement, names ...string) func() {
	kept := make([]clause.Clause, len(names))
	had := make([]bool, len(names))
	for i, name := range names {
		kept[i], had[i] = stmt.Clauses[name]
	}
	return func() {
		for i, name := range names {
			if stmt.Clauses[name] = kept[i]; !had[i] {
				delete(stmt.Clauses, name)
			}
		}
	}
}

// setWhere puts a key range beside the statement's conditions.
func setWhere(stmt *gorm.Statement, exprs []clause.Expression, keys keyRange) {
	var all []clause.Expression
	if len(exprs) > 0 {
		all = append(all, enclosed(exprs))
	}
	if keys.from != nil || keys.to != nil {
		all = append(all, keys)
	}
	if len(all) == 0 {
		delete(stmt.Clauses, "WHERE")
		return
	}
	stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: all}}
}

// enclosed are conditions in parentheses, whatever stands between them: GORM's Or is a
// sibling in the list.
type enclosed []clause.Expression

// Build writes them as a WHERE clause would.
func (e enclosed) Build(b clause.Builder) {
	_ = b.WriteByte('(')
	clause.Where{Exprs: slices.Clone(e)}.Build(b) // building swaps them
	_ = b.WriteByte(')')
}

// keyRange is the condition that a row doesn't come before from and comes before to, in
// the order of the keys; nil is open. For a row exactly one of "before" and "not before"
// a key is true, NULLs included: what one statement leaves behind the next begins with.
type keyRange struct {
	keys     []planner.OrderKey
	from, to []driver.Value
}

// Build writes the condition.
func (r keyRange) Build(b clause.Builder) {
	if r.from != nil {
		r.bound(b, r.from, false)
	}
	if r.from != nil && r.to != nil {
		_, _ = b.WriteString(" AND ")
	}
	if r.to != nil {
		r.bound(b, r.to, true)
	}
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
	for n := range r.keys {
		if !r.beyond(nil, n, key[n], before) {
			continue
		}
		term(n)
		if n > 0 {
			_, _ = b.WriteString(" AND ")
		}
		r.beyond(b, n, key[n], before)
	}
	if !before {
		term(len(r.keys))
	}
	if terms == 0 { // nothing comes before NULL
		_, _ = b.WriteString("1 = 0")
	}
}

// lead bounds the first column loosely; false if nothing bounds it.
func (r keyRange) lead(b clause.Builder, v driver.Value, before bool) bool {
	k := r.keys[0]
	nulls := k.NullsFirst == before // NULLs are on the side that is asked for
	if v == nil {
		if nulls && k.NullsFirst || nulls && !k.NullsFirst {
			r.equal(b, 0, nil)
			return true
		}
		return false
	}
	nulls = nulls && !k.NotNull
	if nulls {
		_ = b.WriteByte('(')
	}
	b.WriteQuoted(clause.Column{Table: clause.CurrentTable, Name: k.Column})
	if before != k.Desc {
		_, _ = b.WriteString(" <= ")
	} else {
		_, _ = b.WriteString(" >= ")
	}
	b.AddVar(b, v)
	if nulls {
		_, _ = b.WriteString(" OR ")
		r.equal(b, 0, nil)
		_ = b.WriteByte(')')
	}
	return true
}

func (r keyRange) equal(b clause.Builder, i int, v driver.Value) {
	b.WriteQuoted(clause.Column{Table: clause.CurrentTable, Name: r.keys[i].Column})
	if v == nil {
		_, _ = b.WriteString(" IS NULL")
		return
	}
	_, _ = b.WriteString(" = ")
	b.AddVar(b, v)
}

// beyond writes that column i lies strictly before the value, or behind it; false if no
// value does. Without a builder it only tells.
func (r keyRange) beyond(b clause.Builder, i int, v driver.Value, before bool) bool {
	k := r.keys[i]
	nulls := k.NullsFirst == before
	if v == nil {
		if nulls { // NULL is the outermost on that side
			return false
		}
		if b != nil {
			b.WriteQuoted(clause.Column{Table: clause.CurrentTable, Name: k.Column})
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
	b.WriteQuoted(clause.Column{Table: clause.CurrentTable, Name: k.Column})
	if before != k.Desc {
		_, _ = b.WriteString(" < ")
	} else {
		_, _ = b.WriteString(" > ")
	}
	b.AddVar(b, v)
	if nulls {
		_, _ = b.WriteString(" OR ")
		r.equal(b, i, nil)
		_ = b.WriteByte(')')
	}
	return true
}
