package callbacks

import (
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/planner"
)

// spellLimit writes a union's LIMIT as a number on PostgreSQL, until the function that
// it gives puts the caller's back. A bound LIMIT has the server plan a union of many
// branches again for each execution of the prepared statement: a generic plan reckons
// with a tenth of all rows, and so never looks as cheap. With an OFFSET, which differs
// from page to page, the number stays bound.
func (r *Runtime) spellLimit(stmt *gorm.Statement, p *planner.Plan) (restore func()) {
	c, had := stmt.Clauses["LIMIT"]
	l, known := c.Expression.(clause.Limit)
	if !had || !known || l.Limit == nil || *l.Limit < 0 || l.Offset > 0 || p.Form != planner.Union || r.dialect.Name != "postgres" {
		return func() {}
	}
	number := c
	number.Expression = limitOf(*l.Limit)
	stmt.Clauses["LIMIT"] = number
	return func() { stmt.Clauses["LIMIT"] = c }
}

// limitOf is a LIMIT with its number in the text.
func limitOf(n int) clause.Expression { return clause.Expr{SQL: "LIMIT " + strconv.Itoa(n)} }
