package callbacks

import (
	"strconv"
	"strings"

	gormcallbacks "gorm.io/gorm/callbacks"
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

// sketch is what the branches of a plain statement have in common, written once.
type sketch struct {
	// head is the text from the word SELECT up to the table, tail the order.
	head, tail string
	// scalar tells that a branch asks for one value that is not NULL, the key of a row: it
	// is selected as such, and not from a table of its own, which takes longer to prepare.
	scalar bool
}

// sketch gives a shape what its branches have in common, if the statement is plain and
// that can be told. The statement is in the shape already.
func (pg *pager) sketch(shape *sessionShape) error {
	if !pg.plain {
		return nil
	}
	var common sketch
	switch {
	case shape.count:
	case shape.columns != nil:
		keys := pg.plan.Merge.Paging.Keys
		common.head = "SELECT " + strings.Join(pg.names, ",")
		common.scalar = shape.limit == 1 && len(keys) == 1 && keys[0].NotNull
	default:
		var err error
		if common.head, err = pg.head(); err != nil || common.head == "" {
			return err
		}
	}
	before := " ORDER BY "
	for i, column := range shape.order.Columns {
		common.tail += before + pg.names[i]
		if column.Desc {
			common.tail += " DESC"
		}
		before = ", "
	}
	shape.sketch = &common
	return nil
}

// head is what a plain statement selects: the text up to its table, or "" if it has values
// of its own.
func (pg *pager) head() (string, error) {
	stmt := pg.db.Statement
	stmt.Table, stmt.TableExpr = pg.alias, pg.r.asTable(pg.plan.Targets[0].Shard, pg.alias)
	delete(stmt.Clauses, "WHERE")
	delete(stmt.Clauses, "LIMIT")
	gormcallbacks.BuildQuerySQL(pg.db)
	head, _, found := strings.Cut(stmt.SQL.String(), " FROM "+stmt.TableExpr.SQL)
	if !found || len(stmt.Vars) > 0 {
		head = ""
	}
	stmt.SQL.Reset()
	stmt.Vars = nil
	return head, pg.db.Error
}

// direct writes the tagged text for shard i of a plain statement; the statement is aimed
// at the shard.
func (pg *pager) direct(i int, exprs []clause.Expression, shape *sessionShape) (string, error) {
	stmt, common, tag := pg.db.Statement, shape.sketch, strconv.Itoa(i)
	write := func(texts ...string) {
		for _, text := range texts {
			_, _ = stmt.WriteString(text)
		}
	}
	end := ""
	switch {
	case shape.count && shape.limit > 0:
		write("SELECT ", tag, ", COUNT(*) AS n FROM (SELECT 1 AS one")
		end = ") AS counted"
	case shape.count:
		write("SELECT ", tag, ", COUNT(*) AS n")
	case common.scalar:
		write("SELECT ", tag, ", (", common.head)
		end = ")"
	case shape.columns != nil:
		alias := pg.r.quote("b" + tag)
		write("SELECT ", tag, ", ", alias, ".* FROM (", common.head)
		end = ") AS " + alias
	case shape.open:
		write(common.head, ", ", tag, " AS ", pg.r.quote(shardColumn))
	default:
		alias := pg.r.quote("b" + tag)
		write("SELECT ", alias, ".*, ", tag, " AS ", pg.r.quote(shardColumn), " FROM (", common.head)
		end = ") AS " + alias
	}
	write(" FROM ", stmt.TableExpr.SQL)
	if all := ranged(exprs, shape.where); len(all) > 0 {
		write(" WHERE ")
		clause.Where{Exprs: all}.Build(stmt)
	}
	write(common.tail)
	if !shape.open && (!shape.count || shape.limit > 0) {
		write(" LIMIT ")
		stmt.AddVar(stmt, shape.limit)
		if shape.offset > 0 {
			write(" OFFSET ")
			stmt.AddVar(stmt, shape.offset)
		}
	}
	write(end)
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
