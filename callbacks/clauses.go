package callbacks

import (
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// buildClauses writes clauses of a statement as its own Build does. A WHERE that is one
// text and plain values is written at once: GORM writes texts byte by byte.
func buildClauses(stmt *gorm.Statement, names []string) {
	first := stmt.SQL.Len() == 0
	for _, name := range names {
		c, ok := stmt.Clauses[name]
		if !ok {
			continue
		}
		if !first {
			stmt.SQL.WriteByte(' ')
		}
		first = false
		if build, custom := stmt.DB.ClauseBuilders[name]; custom {
			build(c, stmt)
		} else if name != "WHERE" || !buildText(stmt, &c) {
			c.Build(stmt)
		}
	}
}

// buildText writes a WHERE clause of one text and plain values; false means that it is
// another.
func buildText(stmt *gorm.Statement, c *clause.Clause) bool {
	where, ok := c.Expression.(clause.Where)
	if !ok || len(where.Exprs) != 1 || c.Name != "WHERE" || c.Builder != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil || c.AfterExpression != nil {
		return false
	}
	e, ok := where.Exprs[0].(clause.Expr)
	if !ok || strings.Count(e.SQL, "?") != len(e.Vars) {
		return false
	}
	for _, v := range e.Vars {
		if !boundAsIs(v) {
			return false
		}
	}
	stmt.SQL.WriteString("WHERE ")
	rest := e.SQL
	for _, v := range e.Vars {
		text, behind, _ := strings.Cut(rest, "?")
		stmt.SQL.WriteString(text)
		stmt.Vars = append(stmt.Vars, v)
		stmt.DB.Dialector.BindVarTo(stmt, stmt, v)
		rest = behind
	}
	stmt.SQL.WriteString(rest)
	return true
}

// boundAsIs tells a value that GORM hands to the dialector for one placeholder.
func boundAsIs(v any) bool {
	switch v.(type) {
	case string, int, int64, int32, uint, uint64, uint32, bool, float64, time.Time:
		return true
	}
	return false
}
