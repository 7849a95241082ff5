package callbacks

import (
	"database/sql/driver"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// A write with LIMIT is about the first rows of one table. Over several shards their
// primary keys are selected first, by one statement over the union of the shards, each of
// whose branches locks what it finds; then these rows are written, by their keys.

// firstKey is the primary key of a row, and the position of its shard among the targets.
type firstKey struct {
	target int
	key    []any
}

// first narrows the statement to its first rows and has do write them.
func (w *writer) first(a *aimed, do func() error) error {
	if w.db.DryRun {
		return w.firstDry(a)
	}
	return w.r.atomically(w.db, func() error {
		keys, err := w.firstKeys(a)
		if err != nil {
			return err
		}
		limit, whole, where, had := w.db.Statement.Clauses["LIMIT"], w.plan, a.where, a.had
		defer func() {
			w.db.Statement.Clauses["LIMIT"] = limit
			whole.Statements = append(whole.Statements, w.plan.Statements...)
			w.plan, a.where, a.had = whole, where, had
		}()
		delete(w.db.Statement.Clauses, "LIMIT")
		w.narrow(a, keys)
		if len(w.plan.Targets) == 0 {
			w.db.RowsAffected = 0
			return w.returnNothing()
		}
		return do()
	})
}

// narrow makes the plan one of the rows with these keys.
func (w *writer) narrow(a *aimed, keys []firstKey) {
	fields := w.plan.Table.Schema.PrimaryFields
	narrowed := *w.plan
	narrowed.Targets, narrowed.Statements = nil, nil
	all := make([][]any, len(keys))
	for i, k := range keys {
		all[i] = k.key
	}
	// rows that come back keep their order; a primary key that is assigned is not met twice
	_, returns := w.returning()
	for _, run := range keyRuns(keys, returns && !w.plan.Moves, w.plan.Moves || w.assigns(fields)) {
		chunk := make([][]any, len(run))
		for i, k := range run {
			chunk[i] = k.key
		}
		narrowed.Targets = append(narrowed.Targets, planner.Target{
			Shard: w.plan.Targets[run[0].target].Shard,
			Where: []clause.Expression{w.r.primaryIn(fields, chunk)},
		})
	}
	w.plan = &narrowed
	if len(keys) > 0 { // where no target has conditions of its own: after a move
		a.where = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: []clause.Expression{w.r.primaryIn(fields, all)}}}
		a.had = true
	}
}

// keyRuns groups keys into what one statement each writes: one shard's, a batch of them or
// the whole. Those that are to stay in order are not brought together.
func keyRuns(keys []firstKey, inOrder, whole bool) [][]firstKey {
	if !inOrder {
		slices.SortStableFunc(keys, func(a, b firstKey) int { return a.target - b.target })
	}
	var runs [][]firstKey
	for from := 0; from < len(keys); {
		to := from + 1
		for to < len(keys) && keys[to].target == keys[from].target && (whole || to-from < guardBatch) {
			to++
		}
		runs, from = append(runs, keys[from:to]), to
	}
	return runs
}

// firstDry leaves the selecting statement, and each shard's own without any key.
func (w *writer) firstDry(a *aimed) error {
	stmt := w.db.Statement
	for _, targets := range w.homes() {
		text, err := w.selectFirst(a, targets)
		if err != nil || w.db.Error != nil {
			return err
		}
		w.sqls = append(w.sqls, shardSQL{nil, text, stmt.Vars})
		w.plan.Sent(nil, text, len(stmt.Vars))
	}
	limit := stmt.Clauses["LIMIT"]
	defer func() { stmt.Clauses["LIMIT"] = limit }()
	delete(stmt.Clauses, "LIMIT")
	for i := range w.plan.Targets {
		target := planner.Target{Shard: w.plan.Targets[i].Shard, Where: []clause.Expression{w.r.primaryIn(w.plan.Table.Schema.PrimaryFields[:1], nil)}}
		w.sqls = append(w.sqls, w.build(a, &target))
	}
	stmt.SQL.Reset()
	stmt.Vars = nil
	stmt.SQL.WriteString(w.r.explainAll(w.sqls))
	return nil
}

// homes groups the positions of the targets by database, in visiting order.
func (w *writer) homes() [][]int {
	ids := w.plan.Databases()
	homes := make([][]int, len(ids))
	for i := range w.plan.Targets {
		at := slices.Index(ids, w.plan.Targets[i].Shard.Database)
		homes[at] = append(homes[at], i)
	}
	return homes
}

// firstKeys finds and locks the first rows, in the order of the statement.
func (w *writer) firstKeys(a *aimed) ([]firstKey, error) {
	var sources []merge.Source
	for _, targets := range w.homes() {
		src, err := w.readFirst(a, targets)
		if err != nil {
			return nil, err
		}
		sources = append(sources, src)
	}
	fields := w.plan.Table.Schema.PrimaryFields
	src := sources[0]
	if len(sources) > 1 {
		order := make([]merge.OrderKey, len(w.plan.Merge.Order))
		for i, o := range w.plan.Merge.Order {
			order[i] = merge.OrderKey{Column: 1 + len(fields) + i, Desc: o.Desc, NullsFirst: o.NullsFirst}
		}
		limit, _ := w.db.Statement.Clauses["LIMIT"].Expression.(clause.Limit)
		src = merge.Limit(merge.Ordered(order, sources...), 0, int64(*limit.Limit))
	}
	defer func() { _ = src.Close() }()
	return readKeys(src, fields)
}

// readKeys reads rows that begin with the position of their shard and the primary key.
func readKeys(src merge.Source, fields []*schema.Field) (keys []firstKey, err error) {
	var unread error
	err = each(src, func(row []any) {
		k := firstKey{key: row[1 : 1+len(fields)]}
		switch at := row[0].(type) {
		case int64:
			k.target = int(at)
		case []byte:
			n, err := strconv.Atoi(string(at))
			k.target, unread = n, firstError(unread, err)
		default:
			unread = fmt.Errorf("dtde: the engine gave the position of a shard as %T", at)
		}
		for i, f := range fields {
			k.key[i] = bindable(f, k.key[i])
		}
		keys = append(keys, k)
	})
	return keys, firstError(err, unread)
}

// each calls f for every row of a source; the row is f's to keep.
func each(src merge.Source, f func(row []any)) error {
	cells := make([]driver.Value, len(src.Columns()))
	for {
		switch err := src.Next(cells); err {
		case nil:
		case io.EOF:
			return nil
		default:
			return mergeError(err)
		}
		row := make([]any, len(cells))
		for i, v := range cells {
			row[i] = v
		}
		f(row)
	}
}

// readFirst reads the first rows of the targets in one database.
func (w *writer) readFirst(a *aimed, targets []int) (merge.Source, error) {
	stmt := w.db.Statement
	home := w.plan.Targets[targets[0]].Shard
	leave, err := w.r.visit(stmt, home)
	defer leave()
	if err != nil {
		return nil, err
	}
	text, err := w.selectFirst(a, targets)
	if err == nil {
		err = w.db.Error
	}
	if err != nil {
		return nil, ownError(w.db, err)
	}
	s := shardSQL{home, text, stmt.Vars}
	w.plan.Sent(nil, text, len(s.vars))
	stmt.SQL.Reset()
	stmt.Vars = nil
	began := time.Now()
	rows, err := stmt.ConnPool.QueryContext(stmt.Context, s.text, s.vars...)
	var src merge.Source
	if err == nil {
		if src, err = merge.FromRows(rows); err == nil {
			src, err = merge.Buffer(src, w.r.config.MaxBufferedRows)
		}
	}
	w.r.trace(w.db, began, s, -1, err)
	if err != nil {
		return nil, &config.ShardError{Entity: w.plan.Entity, Operation: w.plan.Operation.String(), Cause: translated(w.db, explained(w.plan.Entity, w.plan.Operation.String(), mergeError(err)))}
	}
	return src, nil
}

// selectFirst writes the statement that finds and locks the first rows of some targets
// into the caller's own.
func (w *writer) selectFirst(a *aimed, targets []int) (string, error) {
	stmt, r := w.db.Statement, w.r
	var keys strings.Builder
	for _, f := range w.plan.Table.Schema.PrimaryFields {
		keys.WriteString("," + r.quote(w.alias) + "." + r.quote(f.DBName))
	}
	for _, o := range w.plan.Merge.Order {
		keys.WriteString("," + r.quote(w.alias) + "." + r.quote(o.Column))
	}
	columns := r.columns(stmt, w.plan.Table)
	stmt.SQL.Reset()
	stmt.Vars = nil
	stmt.Table = w.alias
	stmt.SQL.WriteString("SELECT " + r.quote(firstTarget) + keys.String() + " FROM (")
	for i, at := range targets {
		if i > 0 {
			stmt.SQL.WriteString(" UNION ALL ")
		}
		t := &w.plan.Targets[at]
		stmt.SQL.WriteString("(SELECT " + strconv.Itoa(at) + " AS " + r.quote(firstTarget) + "," + columns + " FROM " + r.asTable(t.Shard, w.alias).SQL + " ")
		where := a.where
		if t.Where != nil {
			where = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: t.Where}}
		}
		if stmt.Clauses["WHERE"] = where; !a.had && t.Where == nil {
			delete(stmt.Clauses, "WHERE")
		}
		stmt.Build("WHERE", "ORDER BY", "LIMIT")
		stmt.SQL.WriteString(" FOR UPDATE)")
	}
	stmt.SQL.WriteString(") AS " + r.quote(w.alias) + " ")
	stmt.Build("ORDER BY", "LIMIT")
	if w.db.Error == nil {
		if err := r.settleWhere(stmt, w.plan.Targets[targets[0]].Shard.Database); err != nil {
			return "", err
		}
	}
	return stmt.SQL.String(), nil
}

// firstTarget is the column that tells a row's shard.
const firstTarget = "dtde_target"

// bindable is a value as the driver read it in a form that compares with its column as
// itself: a number that came as text would be compared as floating point.
func bindable(f *schema.Field, v any) any {
	b, ok := v.([]byte)
	if !ok {
		return v
	}
	switch f.DataType {
	case schema.Int:
		if n, err := strconv.ParseInt(string(b), 10, 64); err == nil {
			return n
		}
	case schema.Uint:
		if n, err := strconv.ParseUint(string(b), 10, 64); err == nil {
			return n
		}
	case schema.String:
		return string(b)
	}
	if f.IndirectFieldType.Kind() == reflect.String {
		return string(b)
	}
	return v
}
