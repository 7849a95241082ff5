package callbacks

import (
	"database/sql/driver"
	"slices"
	"strconv"
	"strings"

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
	// open rows have no order and no limit of their own: what stands around them has.
	open bool
	// where is added to the statement's conditions.
	where keyRange
}

// questions are one statement that asks several shards of one lane: the shard's
// position is the first column of its row.
type questions struct {
	shardSQL
	lane   int
	shards []int
}

// maxQuestions bounds the shards of one statement, maxQuestionVars the values after
// which the next begins: engines take 500 branches and 32,766 values.
const (
	maxQuestions    = 64
	maxQuestionVars = 2000
)

// rows builds one statement per shard for rows of the statement's own columns. pick fits
// the shape to shard i, or leaves the shard out, which then has no text; nil takes all.
func (pg *pager) rows(reversed bool, pick func(i int, shape *sessionShape) bool, shape sessionShape) ([]shardSQL, error) {
	stmt := pg.db.Statement
	defer pg.reshape(reversed, &shape)()
	where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
	sqls := make([]shardSQL, len(pg.plan.Targets))
	for i := range sqls {
		shape := shape
		if pick != nil && !pick(i, &shape) {
			continue
		}
		text, err := pg.one(i, where.Exprs, &shape)
		if err != nil {
			return nil, err
		}
		shard := pg.plan.Targets[i].Shard
		sqls[i] = shardSQL{shard, text, stmt.Vars}
		pg.plan.Sent(shard, text, len(stmt.Vars))
		stmt.Vars = nil
	}
	return sqls, nil
}

// questions builds the statements of every lane that ask shards for at most a row each.
func (pg *pager) questions(reversed bool, pick func(i int, shape *sessionShape) bool, shape sessionShape) ([]questions, error) {
	return pg.united(reversed, pick, shape, func(text *strings.Builder, i int, alias, branch string) {
		if shape.count { // names its shard itself
			text.WriteString(branch)
			return
		}
		text.WriteString("SELECT " + strconv.Itoa(i) + ", " + alias + ".* FROM (" + branch + ") AS " + alias)
	}, func(string) string { return "" })
}

// pages builds the statements of every lane that read its shards' rows together, in the
// order of the keys, and of these limit from offset on. The shard's position is the last
// column. An engine that merges the shards' indexes while it reads goes over so many rows
// only; another one reads offset + limit rows of each shard and sorts them.
func (pg *pager) pages(reversed bool, keys keyRange, offset, limit int) ([]questions, error) {
	shape := sessionShape{open: !pg.r.dialect.Materialises(), limit: offset + limit, where: keys}
	return pg.united(reversed, func(int, *sessionShape) bool { return true }, shape, func(text *strings.Builder, i int, alias, branch string) {
		text.WriteString("SELECT " + alias + ".*, " + strconv.Itoa(i) + " AS " + pg.r.quote(shardColumn) + " FROM (" + branch + ") AS " + alias)
	}, func(text string) string {
		var b strings.Builder
		b.WriteString(text)
		if !shape.open {
			b.Reset()
			b.WriteString("SELECT * FROM (" + text + ") AS " + pg.r.quote("pages"))
		}
		for i, k := range pg.keys(reversed) {
			b.WriteString([]string{", ", " ORDER BY "}[min(max(1-i, 0), 1)] + pg.r.quote(k.Column))
			if k.Desc {
				b.WriteString(" DESC")
			}
		}
		b.WriteString(" LIMIT ")
		pg.db.Statement.AddVar(&b, limit)
		if offset > 0 {
			b.WriteString(" OFFSET ")
			pg.db.Statement.AddVar(&b, offset)
		}
		return b.String()
	})
}

// shardColumn is the name of the column that tells a row's shard.
const shardColumn = "dtde_shard"

// united builds the statements of every lane that put shards' answers under one another:
// put writes one, around, if it gives text, that and what stands around all of them.
func (pg *pager) united(reversed bool, pick func(i int, shape *sessionShape) bool, shape sessionShape, put func(text *strings.Builder, i int, alias, branch string), around func(text string) string) ([]questions, error) {
	stmt := pg.db.Statement
	defer pg.reshape(reversed, &shape)()
	where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
	var all []questions
	lanes := pg.sessions.Lanes()
	for lane := range lanes {
		var text strings.Builder
		var q questions
		flush := func() {
			if len(q.shards) == 0 {
				return
			}
			q.lane, q.text = lane, text.String()
			if whole := around(q.text); whole != "" {
				q.text = whole
			}
			q.vars = stmt.Vars
			sent := planner.SQL{Text: q.text, Args: len(q.vars)}
			for _, i := range q.shards {
				sent.Shards = append(sent.Shards, pg.plan.Targets[i].Shard.ID)
			}
			q.shard = pg.plan.Targets[q.shards[0]].Shard
			pg.plan.Statements = append(pg.plan.Statements, sent)
			all = append(all, q)
			text.Reset()
			stmt.Vars, q = nil, questions{}
		}
		for i := range pg.plan.Targets {
			shape := shape
			if pg.sessions.LaneOf(i) != lane || !pick(i, &shape) {
				continue
			}
			branch, err := pg.one(i, where.Exprs, &shape) // its placeholders go on counting
			if err != nil {
				return nil, err
			}
			if len(q.shards) > 0 {
				text.WriteString(" UNION ALL ")
			}
			put(&text, i, pg.r.quote("b"+strconv.Itoa(i)), branch)
			q.shards = append(q.shards, i)
			if len(q.shards) == maxQuestions || len(stmt.Vars) >= maxQuestionVars {
				flush()
			}
		}
		flush()
	}
	return all, nil
}

// reshape changes what the statement selects and orders by, and gives a function that
// puts everything back.
func (pg *pager) reshape(reversed bool, shape *sessionShape) (restore func()) {
	stmt := pg.db.Statement
	clauses := keepClauses(stmt, "SELECT", "WHERE", "ORDER BY", "LIMIT", "FROM")
	a := aim(stmt)
	if own := stmt.Clauses["SELECT"]; shape.count || shape.columns != nil {
		own.Name = "SELECT"
		switch {
		case shape.count && shape.limit > 0:
			own.Expression = clause.Expr{SQL: "1 AS one"}
		case shape.count: // of each shard
		default:
			own.Expression = clause.Select{Columns: shape.columns}
		}
		stmt.Clauses["SELECT"] = own
	}
	delete(stmt.Clauses, "ORDER BY")
	if !shape.count && !shape.open {
		order := clause.OrderBy{}
		for _, k := range pg.keys(reversed) {
			order.Columns = append(order.Columns, clause.OrderByColumn{
				Column: clause.Column{Table: clause.CurrentTable, Name: k.Column}, Desc: k.Desc,
			})
		}
		stmt.Clauses["ORDER BY"] = clause.Clause{Name: "ORDER BY", Expression: order}
	}
	return func() {
		a.restore()
		clauses()
		stmt.SQL.Reset()
		stmt.Vars = nil
	}
}

// one builds the text for shard i; its values are appended to the statement's.
func (pg *pager) one(i int, exprs []clause.Expression, shape *sessionShape) (string, error) {
	stmt, target := pg.db.Statement, &pg.plan.Targets[i]
	stmt.Table, stmt.TableExpr = pg.alias, pg.r.asTable(target.Shard, pg.alias)
	if target.Where != nil {
		exprs = target.Where
	}
	setWhere(stmt, exprs, shape.where)
	delete(stmt.Clauses, "LIMIT")
	tag := strconv.Itoa(i) + ", COUNT(*) AS n"
	switch {
	case shape.open:
	case shape.count && shape.limit == 0:
		own := stmt.Clauses["SELECT"]
		own.Expression = clause.Expr{SQL: tag}
		stmt.Clauses["SELECT"] = own
	default:
		stmt.AddClause(clause.Limit{Limit: &shape.limit, Offset: shape.offset})
	}
	gormcallbacks.BuildQuerySQL(pg.db)
	if pg.db.Error != nil {
		return "", pg.db.Error
	}
	if err := pg.r.settle(stmt, target.Shard.Database, false); err != nil {
		return "", err
	}
	text := stmt.SQL.String()
	stmt.SQL.Reset()
	if shape.count && shape.limit > 0 {
		text = "SELECT " + tag + " FROM (" + text + ") AS counted"
	}
	return text, nil
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
	nulls := k.NullsFirst == before // NULLs are on the side that is asked for
	if v == nil {
		if nulls {
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
