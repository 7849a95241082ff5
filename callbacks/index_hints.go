package callbacks

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
)

// indexHint is what stands behind the table of a FROM on MySQL and MariaDB, as
// gorm.io/hints puts it there: USE INDEX (…). The union of the shards has no index; each
// branch has its own, under the shard's name of it.
type indexHint struct {
	r    *Runtime
	stmt *gorm.Statement
	from clause.Clause
	had  bool
}

// takeIndexHint takes the hint off the statement, until it is put back.
func (r *Runtime) takeIndexHint(stmt *gorm.Statement) (h indexHint) {
	if r.dialect.Name != "mysql" {
		return h
	}
	from, ok := stmt.Clauses["FROM"]
	if !ok || from.AfterExpression == nil {
		return h
	}
	h = indexHint{r: r, stmt: stmt, from: from, had: true}
	words := strings.Fields(h.text(from.AfterExpression, nil, nil))
	if len(words) < 2 || !strings.EqualFold(words[1], "index") && !strings.EqualFold(words[1], "key") {
		return indexHint{}
	}
	from.AfterExpression, from.Builder = nil, nil
	stmt.Clauses["FROM"] = from
	return h
}

// put puts the hint back.
func (h *indexHint) put() {
	if h.had {
		h.stmt.Clauses["FROM"] = h.from
	}
}

// on is the hint behind a shard's table.
func (h *indexHint) on(t *config.Table, s *config.Shard) string {
	if !h.had {
		return ""
	}
	return " " + h.text(h.from.AfterExpression, t, s)
}

// behind is a table's expression with the hint.
func (h *indexHint) behind(expr *clause.Expr, t *config.Table, s *config.Shard) *clause.Expr {
	if !h.had {
		return expr
	}
	return &clause.Expr{SQL: expr.SQL + h.on(t, s)}
}

// text builds an expression aside.
func (h *indexHint) text(e clause.Expression, t *config.Table, s *config.Shard) string {
	aside := &gorm.Statement{DB: h.stmt.DB}
	e.Build(&indexNames{Builder: aside, r: h.r, table: t, shard: s})
	return aside.SQL.String()
}

// indexNames is a builder that writes an entity's index names as a shard has them.
type indexNames struct {
	clause.Builder
	r     *Runtime
	table *config.Table
	shard *config.Shard
}

// WriteQuoted writes a name.
func (n *indexNames) WriteQuoted(field any) {
	if name, ok := field.(string); ok && n.table != nil {
		field = migrator.IndexName(n.r.root, n.table, n.shard, name)
	}
	n.Builder.WriteQuoted(field)
}

// shardIndexes is an expression behind a clause of a write, with the names that a shard's
// indexes have.
type shardIndexes struct {
	clause.Expression
	r     *Runtime
	table *config.Table
	shard *config.Shard
}

// Build writes the expression.
func (e shardIndexes) Build(b clause.Builder) {
	e.Expression.Build(&indexNames{Builder: b, r: e.r, table: e.table, shard: e.shard})
}

// hintWrite has the index hints of an update or delete name a shard's indexes, until undo.
func (r *Runtime) hintWrite(stmt *gorm.Statement, t *config.Table, s *config.Shard) (undo func()) {
	undo = stay
	if r.dialect.Name != "mysql" {
		return undo
	}
	for _, name := range []string{"UPDATE", "FROM"} {
		c, ok := stmt.Clauses[name]
		if !ok || c.AfterExpression == nil {
			continue
		}
		before, others := c, undo
		undo = func() {
			own := stmt.Clauses[name]
			own.AfterExpression = before.AfterExpression
			stmt.Clauses[name] = own
			others()
		}
		c.AfterExpression = shardIndexes{c.AfterExpression, r, t, s}
		stmt.Clauses[name] = c
	}
	return undo
}

// optimizerHint is the comment behind SELECT that engines read: /*+ … */.
func optimizerHint(stmt *gorm.Statement) string {
	e := stmt.Clauses["SELECT"].AfterNameExpression
	if e == nil {
		return ""
	}
	aside := &gorm.Statement{DB: stmt.DB}
	e.Build(aside)
	if text := aside.SQL.String(); strings.HasPrefix(text, "/*+") && len(aside.Vars) == 0 {
		return text + " "
	}
	return ""
}
