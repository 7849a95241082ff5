package callbacks

import (
	"strconv"
	"strings"

	"gorm.io/gorm/clause"
)

// plainPage tells that nothing but conditions, an order and a limit make the statement:
// its branches can then be written down without building all of it for each, which takes
// longer than an engine in the same process takes to answer.
func (pg *pager) plainPage() bool {
	stmt := pg.db.Statement
	if len(stmt.Joins) > 0 {
		return false
	}
	for _, name := range stmt.BuildClauses {
		c, given := stmt.Clauses[name]
		_, custom := pg.db.ClauseBuilders[name]
		switch name {
		case "WHERE", "ORDER BY", "SELECT":
			if custom || c.Builder != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil {
				return false
			}
		case "LIMIT": // SQLite's dialector has a builder of its own for what it writes like others
			if c.Builder != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil {
				return false
			}
		default:
			if given {
				return false
			}
		}
	}
	return true
}

// head is what a plain statement selects: the text up to its table.
func (pg *pager) head(reversed bool) (string, error) {
	shape := sessionShape{open: true}
	defer pg.reshape(reversed, &shape)()
	text, err := pg.one(0, nil, &shape)
	if err != nil {
		return "", err
	}
	head, _, found := strings.Cut(text, " FROM "+pg.db.Statement.TableExpr.SQL)
	if !found || len(pg.db.Statement.Vars) > 0 {
		return "", nil
	}
	return head, nil
}

// direct writes the text for shard i of a plain statement; the statement is aimed at the
// shard. Counts and open rows name their shard themselves.
func (pg *pager) direct(i int, exprs []clause.Expression, shape *sessionShape) (string, error) {
	stmt := pg.db.Statement
	limited := shape.count && shape.limit > 0
	write := func(texts ...string) {
		for _, text := range texts {
			_, _ = stmt.WriteString(text)
		}
	}
	switch {
	case limited:
		write("SELECT ", strconv.Itoa(i), ", COUNT(*) AS n FROM (SELECT 1 AS one")
	case shape.count:
		write("SELECT ", strconv.Itoa(i), ", COUNT(*) AS n")
	case shape.open:
		write(shape.head, ", ", strconv.Itoa(i), " AS ")
		stmt.WriteQuoted(shardColumn)
	default:
		write("SELECT ")
		clause.Select{Columns: shape.columns}.Build(stmt)
	}
	write(" FROM ", stmt.TableExpr.SQL)
	if all := ranged(exprs, shape.where); len(all) > 0 {
		write(" WHERE ")
		clause.Where{Exprs: all}.Build(stmt)
	}
	if len(shape.order.Columns) > 0 {
		write(" ORDER BY ")
		shape.order.Build(stmt)
	}
	if !shape.open && (!shape.count || limited) {
		write(" LIMIT ")
		stmt.AddVar(stmt, shape.limit)
		if shape.offset > 0 {
			write(" OFFSET ")
			stmt.AddVar(stmt, shape.offset)
		}
	}
	if limited {
		write(") AS counted")
	}
	if pg.db.Error != nil {
		return "", pg.db.Error
	}
	if err := pg.r.settle(stmt, pg.plan.Targets[i].Shard.Database, false); err != nil {
		return "", err
	}
	text := stmt.SQL.String()
	stmt.SQL.Reset()
	return text, nil
}
