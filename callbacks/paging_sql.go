package callbacks

import (
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
	// tagged answers name their shard by its position: rows by their last column, others
	// by their first.
	tagged bool
	// sketch is what a plain statement's tagged branches have in common, if that is known.
	sketch *sketch
	// where is added to the statement's conditions.
	where keyRange
	// order is filled in from the keys.
	order clause.OrderBy
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
	return pg.united(reversed, pick, shape, func(string) string { return "" })
}

// pages builds the statements of every lane that read its shards' rows together, in the
// order of the keys, and of these limit from offset on. The shard's position is the last
// column. An engine that merges the shards' indexes while it reads goes over so many rows
// only; another one reads offset + limit rows of each shard and sorts them.
func (pg *pager) pages(reversed bool, keys keyRange, offset, limit int) ([]questions, error) {
	shape := sessionShape{open: pg.r.dialect.MergesUnions(), limit: offset + limit, where: keys}
	return pg.united(reversed, func(int, *sessionShape) bool { return true }, shape, func(text string) string {
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

// united builds the statements of every lane that put shards' answers under one another,
// each with its shard; around, if it gives text, gives them and what stands around them.
func (pg *pager) united(reversed bool, pick func(i int, shape *sessionShape) bool, shape sessionShape, around func(text string) string) ([]questions, error) {
	stmt := pg.db.Statement
	defer pg.reshape(reversed, &shape)()
	where, _ := stmt.Clauses["WHERE"].Expression.(clause.Where)
	if err := pg.sketch(&shape); err != nil {
		return nil, err
	}
	shape.tagged = true
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
			text.WriteString(branch)
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
		for _, k := range pg.keys(reversed) {
			shape.order.Columns = append(shape.order.Columns, clause.OrderByColumn{
				Column: clause.Column{Table: clause.CurrentTable, Name: k.Column}, Desc: k.Desc,
			})
		}
		stmt.Clauses["ORDER BY"] = clause.Clause{Name: "ORDER BY", Expression: shape.order}
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
	if shape.sketch != nil {
		return pg.direct(i, exprs, shape)
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
	switch alias := pg.r.quote("b" + strconv.Itoa(i)); {
	case shape.count && shape.limit > 0:
		text = "SELECT " + tag + " FROM (" + text + ") AS counted"
	case !shape.tagged || shape.count: // a count has its tag
	case shape.columns != nil:
		text = "SELECT " + strconv.Itoa(i) + ", " + alias + ".* FROM (" + text + ") AS " + alias
	default:
		text = "SELECT " + alias + ".*, " + strconv.Itoa(i) + " AS " + pg.r.quote(shardColumn) + " FROM (" + text + ") AS " + alias
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
	all := ranged(exprs, keys)
	if len(all) == 0 {
		delete(stmt.Clauses, "WHERE")
		return
	}
	stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: all}}
}

// ranged are conditions, and a key range.
func ranged(exprs []clause.Expression, keys keyRange) []clause.Expression {
	var all []clause.Expression
	if len(exprs) > 0 {
		all = append(all, enclosed(exprs))
	}
	if keys.from != nil || keys.to != nil {
		all = append(all, keys)
	}
	return all
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
