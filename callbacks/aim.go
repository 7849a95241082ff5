package callbacks

import (
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// aimed is a statement whose table is replaced for a moment; restore puts back
// what the caller had.
type aimed struct {
	stmt  *gorm.Statement
	table string
	expr  *clause.Expr
	where clause.Clause
	had   bool
	// tableOnly leaves the conditions as GORM leaves them: nobody plans or reads them
	// again. Copying a clause to and fro is a good part of what a routed read costs.
	tableOnly bool
}

func aim(stmt *gorm.Statement) aimed {
	a := aimed{stmt: stmt, table: stmt.Table, expr: stmt.TableExpr}
	a.where, a.had = stmt.Clauses["WHERE"]
	return a
}

func (a *aimed) restore() {
	a.stmt.Table, a.stmt.TableExpr = a.table, a.expr
	if a.tableOnly {
		return
	}
	if a.had {
		a.stmt.Clauses["WHERE"] = a.where
	} else {
		delete(a.stmt.Clauses, "WHERE")
	}
}

// quote quotes an identifier, dotted ones part by part.
func (r *Runtime) quote(name string) string {
	var b strings.Builder
	r.dialector.QuoteTo(&b, name)
	return b.String()
}

// asTable gives `physical AS alias`, kept per shard for the alias that was used first:
// nearly always the logical name.
func (r *Runtime) asTable(s *config.Shard, alias string) *clause.Expr {
	return &r.aliased(s, alias).expr
}

func (r *Runtime) aliased(s *config.Shard, alias string) *aliasedTable {
	v, known := r.tableExprs.Load(s) // a pointer as the key costs no allocation
	if known {
		if kept := v.(*aliasedTable); kept.alias == alias {
			return kept
		}
	}
	t := &aliasedTable{alias: alias, expr: clause.Expr{SQL: r.quote(s.Table) + " AS " + r.quote(alias)}}
	t.update = clause.Clause{Name: "UPDATE", Expression: clause.Update{Table: clause.Table{Name: t.expr.SQL, Raw: true}}}
	t.all = "SELECT * FROM " + t.expr.SQL
	t.from = clause.Clause{Name: "FROM", Expression: clause.From{Tables: []clause.Table{{Name: t.expr.SQL, Raw: true}}}}
	if !known {
		r.tableExprs.Store(s, t)
	}
	return t
}

// tableOf is asTable, under the mark of its database where the statement is a part of
// another one.
func (r *Runtime) tableOf(stmt *gorm.Statement, s *config.Shard, alias string) *clause.Expr {
	if !r.many || !isSubquery(stmt) {
		return r.asTable(s, alias)
	}
	return &clause.Expr{SQL: r.placedName(s) + " AS " + r.quote(alias)}
}

// aliasedTable is a shard's table as a table expression; as whole clauses, which GORM
// writes faster; and with the words of a plain read in front.
type aliasedTable struct {
	alias  string
	expr   clause.Expr
	from   clause.Clause
	update clause.Clause
	all    string
}

// union is the UNION ALL of a plan's shards, written into the FROM clause under the
// logical name. It is an expression so that conditions inside the branches bind
// their values where they stand.
type union struct {
	r    *Runtime
	plan *planner.Plan
	stmt *gorm.Statement
	// alias is the name under which the entity stands in the statement.
	alias string
	// where is what each branch filters by when the plan pushes it; a target's own
	// conditions win over it.
	where []clause.Expression
	// order is pushed into each branch with the plan's limit.
	order clause.Clause
	// hint and optimizer stand in each branch.
	hint      indexHint
	optimizer string
}

// expr wraps the union as a table expression.
func (u *union) expr() *clause.Expr { return &clause.Expr{SQL: "?", Vars: []any{u}} }

// Build writes the union; it is called by GORM with the statement as its builder.
func (u *union) Build(b clause.Builder) {
	columns := u.r.columns(u.stmt, u.plan.Table)
	_ = b.WriteByte('(')
	if w := u.plan.Whole; w != nil && len(u.plan.Targets) > 0 {
		parts := u.r.parts(u.stmt, u.plan.Table)
		if w.Instant {
			parts.at(b, u.plan.Targets[0].Shard, w.At)
		} else {
			parts.all(b)
		}
		_, _ = b.WriteString(") AS ")
		_, _ = b.WriteString(u.r.quote(u.alias))
		return
	}
	if stmt, ok := b.(*gorm.Statement); ok && len(u.plan.Targets) > 0 { // otherwise it doubles branch after branch
		one := len(columns) + len(u.r.asTable(u.plan.Targets[0].Shard, u.alias).SQL)
		stmt.SQL.Grow(len(u.plan.Targets)*(one+branchWords) + branchWords)
	}
	for i := range u.plan.Targets {
		if i > 0 {
			_, _ = b.WriteString(" UNION ALL ")
		}
		u.branch(b, columns, &u.plan.Targets[i])
	}
	if len(u.plan.Targets) == 0 {
		u.r.writeEmpty(b, columns, u.plan.Table, u.alias, isSubquery(u.stmt))
	}
	_, _ = b.WriteString(") AS ")
	_, _ = b.WriteString(u.r.quote(u.alias))
}

// branchWords is about how long the words of a branch are, beside its names.
const branchWords = 32

func (u *union) branch(b clause.Builder, columns string, t *planner.Target) {
	limited := u.plan.Pushed && u.plan.BranchLimit > 0
	ends := ""
	switch {
	case !limited:
	case u.r.dialect.Name == "sqlite" || u.r.dialect.Name == "sqlserver":
		// neither takes ORDER BY or a parenthesis directly in a branch
		_, _ = b.WriteString("SELECT * FROM (")
		ends = ") AS " + u.r.quote("b"+strconv.Itoa(u.plan.Table.Position(t.Shard.ID)))
	default:
		_ = b.WriteByte('(')
		ends = ")"
	}
	_, _ = b.WriteString("SELECT ")
	_, _ = b.WriteString(u.optimizer)
	parts := u.plan.Partials
	if parts != nil {
		clause.CommaExpression{Exprs: parts.Branch}.Build(b)
	} else {
		_, _ = b.WriteString(columns)
	}
	_, _ = b.WriteString(" FROM ")
	_, _ = b.WriteString(u.r.tableOf(u.stmt, t.Shard, u.alias).SQL)
	_, _ = b.WriteString(u.hint.on(u.plan.Table, t.Shard))
	if u.plan.Pushed {
		where := u.where
		if t.Where != nil {
			where = t.Where
		}
		if len(where) > 0 {
			_, _ = b.WriteString(" WHERE ")
			clause.Where{Exprs: append([]clause.Expression(nil), where...)}.Build(b)
		}
	}
	if parts != nil && len(parts.Group) > 0 {
		_ = b.WriteByte(' ')
		clause.Clause{Name: "GROUP BY", Expression: clause.GroupBy{Columns: parts.Group}}.Build(b)
	}
	if limited {
		if u.order.Expression != nil {
			_ = b.WriteByte(' ')
			u.order.Build(b)
		}
		n := u.plan.BranchLimit
		limit := clause.Expression(clause.Limit{Limit: &n})
		if _, spelt := u.stmt.Clauses["LIMIT"].Expression.(clause.Expr); spelt {
			limit = limitOf(n)
		}
		_ = b.WriteByte(' ')
		u.stmtClause(b, "LIMIT", limit)
	}
	_, _ = b.WriteString(ends)
}

// stmtClause writes a clause as the dialect builds it.
func (u *union) stmtClause(b clause.Builder, name string, expr clause.Expression) {
	c := clause.Clause{Expression: expr} // LIMIT writes its own name
	if build, ok := u.stmt.ClauseBuilders[name]; ok {
		build(c, b)
		return
	}
	c.Build(b)
}

// writeEmpty writes a source of no rows with the entity's columns: what a statement that no
// shard can answer reads from, so that counts, sums and joins come out as they
// would from an empty table.
//
// nested tells that it stands in another statement, whose database may have no shard.
func (r *Runtime) writeEmpty(b clause.Writer, columns string, t *config.Table, alias string, nested bool) {
	if s := t.Empty(); s != nil && !(nested && r.many) {
		_, _ = b.WriteString("SELECT " + columns + " FROM " + r.asTable(s, alias).SQL + " WHERE 1 = 0")
		return
	}
	_, _ = b.WriteString("SELECT ")
	for i, name := range t.Schema.DBNames {
		if i > 0 {
			_ = b.WriteByte(',')
		}
		_, _ = b.WriteString(r.null(t.Schema.FieldsByDBName[name]) + " AS " + r.quote(name))
	}
	// a derived table, since MariaDB wants a FROM before a WHERE
	_, _ = b.WriteString(" FROM (SELECT 1 AS x) AS d WHERE 1 = 0")
}

// null is a NULL of a column's type, for engines where an untyped one has a type that
// does not compare with the column's values or can't be summed.
func (r *Runtime) null(f *schema.Field) string {
	if f == nil || r.dialect.Name != "sqlserver" && r.dialect.Name != "postgres" {
		return "NULL"
	}
	switch f.DataType {
	case schema.Bool, schema.Int, schema.Uint, schema.Float, schema.String, schema.Time, schema.Bytes:
		plain := *f
		plain.AutoIncrement = false // IDENTITY and serial are not types to cast to
		return "CAST(NULL AS " + r.dialector.DataTypeOf(&plain) + ")"
	}
	return "NULL"
}

// columns is the entity's column list, quoted: the model's columns, without those of
// fields that only a query fills, like `gorm:"->;-:migration"` for a computed value.
func (r *Runtime) columns(stmt *gorm.Statement, t *config.Table) string {
	if c, ok := r.columnLists.Load(t.Schema); ok {
		return c.(string)
	}
	var absent map[string]bool
	for _, f := range t.Schema.Fields {
		if f.IgnoreMigration && f.DBName != "" {
			var known bool
			if absent, known = r.absentColumns(stmt, t); !known {
				return r.columnList(t, absent)
			}
			break
		}
	}
	list := r.columnList(t, absent)
	r.columnLists.Store(t.Schema, list)
	return list
}

// columnList lists the model's columns but the absent ones.
func (r *Runtime) columnList(t *config.Table, absent map[string]bool) string {
	var b strings.Builder
	for _, name := range t.Schema.DBNames {
		if absent[name] {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		r.dialector.QuoteTo(&b, name)
	}
	return b.String()
}

// absentColumns finds which columns of fields without migration a shard's table does
// not have. known is false, and all of them count as absent, when no table can be
// asked.
func (r *Runtime) absentColumns(stmt *gorm.Statement, t *config.Table) (absent map[string]bool, known bool) {
	absent = map[string]bool{}
	for _, f := range t.Schema.Fields {
		if f.IgnoreMigration {
			absent[f.DBName] = true
		}
	}
	if len(t.Shards) == 0 || r.root.DryRun {
		return absent, false
	}
	leave, err := r.visit(stmt, t.Shards[0])
	defer leave()
	if err != nil {
		return absent, false
	}
	rows, err := stmt.ConnPool.QueryContext(stmt.Context, "SELECT * FROM "+r.quote(t.Shards[0].Table)+" WHERE 1 = 0")
	if err != nil {
		return absent, false
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	for _, c := range columns {
		delete(absent, c)
	}
	return absent, err == nil
}
