package callbacks

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// pages tells whether the plan's paging can be carried out on this statement; where it
// can't, the plan falls back to fetching.
func (r *Runtime) pages(stmt *gorm.Statement, p *planner.Plan) bool {
	paging := &p.Merge.Paging
	switch {
	case paging.Form == planner.PageFetch:
		return false
	case p.Merge.Limit > r.config.MaxBufferedRows, p.Locking, p.Legs != nil && resolver.InTransaction(stmt.ConnPool), partialFor(stmt) != nil, len(primaryConditions(stmt)) > 0, subtext(stmt), paging.Ties && !wholeRows(stmt), !readsKeys(stmt, paging.Keys):
		// A page may have to be kept. Keys of the destination go beside the conditions, not around them; text with
		// tables of its own asks the catalog, which may need the session's connection;
		// and rows without their keys can't be merged by them.
		*paging = planner.Paging{}
		return false
	}
	return true
}

// wholeRows tells that GORM will not leave out columns because of the destination.
func wholeRows(stmt *gorm.Statement) bool {
	if len(stmt.Omits) > 0 {
		return false
	}
	if !stmt.ReflectValue.IsValid() || stmt.Schema == nil {
		return true
	}
	t := stmt.ReflectValue.Type()
	for t.Kind() == reflect.Slice || t.Kind() == reflect.Array || t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Kind() != reflect.Struct || t == stmt.Schema.ModelType
}

// readsKeys tells that the rows will have the columns that they are ordered by, whatever
// the destination leaves out.
func readsKeys(stmt *gorm.Statement, keys []planner.OrderKey) bool {
	if wholeRows(stmt) || stmt.Schema == nil {
		return true
	}
	into := gorm.Statement{DB: stmt.DB}
	if err := into.Parse(stmt.Dest); err != nil {
		return true // a map or a value: all columns
	}
	for _, k := range keys {
		f := stmt.Schema.LookUpField(k.Column)
		if f == nil || into.Schema.LookUpField(k.Column) == nil || slices.Contains(stmt.Omits, f.Name) || slices.Contains(stmt.Omits, f.DBName) {
			return false
		}
	}
	return true
}

// pager asks the sessions of one statement about its rows. Asking is not safe for
// concurrent use, since every text is built by the caller's own statement.
type pager struct {
	r        *Runtime
	db       *gorm.DB
	plan     *planner.Plan
	alias    string
	sessions *resolver.Sessions
	parallel int      // statements at a time
	plain    bool     // see plainPage
	names    []string // the keys' columns, quoted
}

// openPage finds the page on the sessions' snapshot and opens its rows.
func (r *Runtime) openPage(ctx context.Context, cancel context.CancelFunc, db *gorm.DB, p *planner.Plan, alias string, sessions *resolver.Sessions, parallel int, w *watch) (merge.Source, error) {
	pg := &pager{r: r, db: db, plan: p, alias: alias, sessions: sessions, parallel: parallel}
	pg.plain = pg.plainPage()
	paging := &p.Merge.Paging
	table := r.quote(alias)
	for _, k := range paging.Keys {
		pg.names = append(pg.names, table+"."+r.quote(k.Column))
	}
	p.Statements = nil
	q := merge.PageQuery{
		Keys: make([]merge.OrderKey, len(paging.Keys)), Shards: len(p.Targets),
		Offset: int64(p.Merge.Offset), Limit: int64(p.Merge.Limit),
		Small:   max(min(smallRows/int64(len(p.Targets)), int64(r.config.MaxBufferedRows-p.Merge.Limit)), 1),
		Reverse: paging.Reverse, Unique: paging.Unique,
	}
	for i, k := range paging.Keys {
		q.Keys[i] = merge.OrderKey{Column: i, Desc: k.Desc, NullsFirst: k.NullsFirst}
	}
	ask := func(reversed bool) merge.PageShards { return pg.ask(reversed) }
	if paging.Form == planner.PageWalk {
		parts, fits, err := merge.WalkPage(ctx, q, ask)
		switch {
		case err != nil:
			return nil, mergeError(err)
		case fits:
			return pg.openParts(ctx, parts, w)
		case !paging.Total:
			return pg.openAll(ctx, cancel, w)
		}
		q.Reverse = false // the shards' rows mix; nothing is known of their numbers
	}
	page, err := merge.FindPage(ctx, q, ask)
	if err != nil {
		return nil, mergeError(err)
	}
	return pg.openFound(ctx, cancel, page, w)
}

// smallRows is how many rows of all shards together cost about as much as a round of
// questions.
const smallRows = 8192

// pagingLanes bounds the connections of a page: one statement asks all shards of a lane,
// so a second lane saves less than it costs to begin (measured on PostgreSQL, 200,000
// rows in 16 shards: 2.8 times the plain table's time with four lanes, 2.0 with one).
const pagingLanes = 1

// openAll opens the plain fetch.
func (pg *pager) openAll(ctx context.Context, cancel context.CancelFunc, w *watch) (merge.Source, error) {
	legs := pg.plan.Legs
	pg.plan.Legs = nil // the sessions are of the shards
	sqls, err := pg.r.buildSessions(pg.db, pg.plan, pg.alias)
	pg.plan.Legs = legs
	if err != nil || pg.db.Error != nil {
		return nil, firstError(err, pg.db.Error)
	}
	return pg.r.openMerged(ctx, cancel, pg.db, pg.plan, sqls, pg.sessions, w)
}

// openParts reads the parts of a page that shards hold one after another.
func (pg *pager) openParts(ctx context.Context, parts []merge.PagePart, w *watch) (merge.Source, error) {
	if len(parts) == 0 { // no row, but its columns
		parts = []merge.PagePart{{}}
	}
	sources := make([]merge.Source, len(parts))
	for i, part := range parts {
		sqls, err := pg.rows(part.Reversed, func(i int, _ *sessionShape) bool { return i == part.Shard },
			sessionShape{limit: int(part.Limit), offset: int(part.Skip)})
		if err != nil {
			return nil, err
		}
		began := time.Now()
		sources[i], err = pg.part(ctx, part, sqls[part.Shard], w)
		pg.r.trace(pg.db, began, sqls[part.Shard], -1, err)
		shard := pg.plan.Targets[part.Shard].Shard
		w.took(shard.ID, time.Since(began))
		if err != nil {
			return nil, shardFailure(pg.plan, shard, err)
		}
	}
	return merge.Concat(sources...), nil
}

// part reads one part into memory: lanes are few, and the parts small.
func (pg *pager) part(ctx context.Context, part merge.PagePart, s shardSQL, w *watch) (merge.Source, error) {
	rows, err := pg.sessions.Query(ctx, part.Shard, s.text, s.vars)
	if err != nil {
		return nil, err
	}
	src, err := merge.FromRows(rows)
	if err != nil {
		return nil, err
	}
	src = w.count(&shardSource{Source: src, plan: pg.plan, shard: s.shard})
	if part.Reversed {
		return merge.Reversed(src, pg.r.config.MaxBufferedRows)
	}
	return merge.Buffer(src, pg.r.config.MaxBufferedRows)
}

// openFound opens what is left of every shard, and merges it.
func (pg *pager) openFound(ctx context.Context, cancel context.CancelFunc, page merge.Page, w *watch) (merge.Source, error) {
	m := pg.plan.Merge
	m.Order, m.Offset, m.Limit = pg.keys(page.Reversed), int(page.Skip), int(page.Limit)
	if page.Ended {
		m.Offset, m.Limit = 0, 0
	}
	shape := sessionShape{limit: m.Offset + m.Limit, where: pg.between(m.Order, page.From, nil)}
	if stmt := pg.db.Statement; len(stmt.Selects) == 0 && stmt.Clauses["SELECT"].Expression == nil {
		return pg.openTogether(ctx, page, m, shape.where, w) // no two columns have the same name
	}
	sqls, err := pg.rows(page.Reversed, nil, shape)
	if err != nil {
		return nil, err
	}
	rest := *pg.plan
	rest.Merge = m
	src, err := pg.r.openMerged(ctx, cancel, pg.db, &rest, sqls, pg.sessions, w)
	if err != nil || !page.Reversed {
		return src, err
	}
	src, err = merge.Reversed(src, pg.r.config.MaxBufferedRows)
	return src, mergeError(err)
}

// keys are the page's, in one direction or the other.
func (pg *pager) keys(reversed bool) []planner.OrderKey {
	keys := pg.plan.Merge.Paging.Keys
	if !reversed {
		return keys
	}
	turned := make([]planner.OrderKey, len(keys))
	for i, k := range keys {
		turned[i] = k
		turned[i].Desc, turned[i].NullsFirst = !k.Desc, !k.NullsFirst
	}
	return turned
}

// between is the condition on rows between two keys.
func (pg *pager) between(keys []planner.OrderKey, from, to []driver.Value) keyRange {
	return keyRange{keys: keys, names: pg.names, from: from, to: to, negated: !pg.r.dialect.ReadsRanges()}
}

func (pg *pager) ask(reversed bool) *pageShards {
	return &pageShards{pager: pg, reversed: reversed, keys: pg.keys(reversed)}
}

// pageShards are the pager's shards in one direction.
type pageShards struct {
	*pager
	reversed bool
	keys     []planner.OrderKey
}

// Keys reads one key per shard.
func (s *pageShards) Keys(ctx context.Context, from []driver.Value, at []int64) ([][]driver.Value, error) {
	columns := make([]clause.Column, len(s.keys))
	for i, k := range s.keys {
		columns[i] = clause.Column{Table: clause.CurrentTable, Name: k.Column}
	}
	sqls, err := s.questions(s.reversed, func(i int, shape *sessionShape) bool {
		shape.offset = int(at[i])
		return at[i] >= 0
	}, sessionShape{columns: columns, limit: 1, where: s.between(s.keys, from, nil)})
	if err != nil {
		return nil, err
	}
	rows, err := s.run(ctx, sqls, len(columns))
	for shard, row := range rows {
		if row != nil && row[0] == nil && len(row) == 1 && s.keys[0].NotNull {
			rows[shard] = nil // a value of no row
			continue
		}
		for i := range row {
			row[i] = keyValue(&s.keys[i], row[i])
		}
	}
	return rows, err
}

// Counts counts rows of shards.
func (s *pageShards) Counts(ctx context.Context, from, to []driver.Value, asked []bool, most int64) ([]int64, error) {
	sqls, err := s.questions(s.reversed, func(i int, _ *sessionShape) bool { return asked[i] },
		sessionShape{count: true, limit: int(most), where: s.between(s.keys, from, to)})
	if err != nil {
		return nil, err
	}
	return s.counted(ctx, sqls)
}

// Between counts the rows between two keys of each shard.
func (s *pageShards) Between(ctx context.Context, from, to [][]driver.Value) ([]int64, error) {
	sqls, err := s.questions(s.reversed, func(i int, shape *sessionShape) bool {
		shape.where.from, shape.where.to = from[i], to[i]
		return to[i] != nil
	}, sessionShape{count: true, where: s.between(s.keys, nil, nil)})
	if err != nil {
		return nil, err
	}
	return s.counted(ctx, sqls)
}

// counted runs questions for counts.
func (s *pageShards) counted(ctx context.Context, sqls []questions) ([]int64, error) {
	rows, err := s.run(ctx, sqls, 1)
	if err != nil {
		return nil, err
	}
	counts := make([]int64, len(rows))
	for i, row := range rows {
		if row == nil {
			continue
		}
		var known bool
		if counts[i], known = keyValue(&planner.OrderKey{Kind: config.KindInt}, row[0]).(int64); !known {
			return nil, shardFailure(s.plan, s.plan.Targets[i].Shard, fmt.Errorf("a count of type %T", row[0]))
		}
	}
	return counts, nil
}

// run asks the questions, the lanes in parallel; a shard's row is nil if it has none.
func (pg *pager) run(ctx context.Context, asked []questions, width int) ([][]driver.Value, error) {
	out := make([][]driver.Value, len(pg.plan.Targets))
	lanes := pg.sessions.Lanes()
	err := resolver.Each(ctx, pg.parallel, lanes, func(ctx context.Context, lane int) error {
		for i := range asked {
			if asked[i].lane != lane {
				continue
			}
			began := time.Now()
			n, err := pg.answers(ctx, &asked[i], width, out)
			pg.r.trace(pg.db, began, asked[i].shardSQL, n, err)
			if err != nil {
				return shardFailure(pg.plan, asked[i].shard, err)
			}
		}
		return nil
	})
	return out, err
}

// answers reads one statement's rows into the shards' places.
func (pg *pager) answers(ctx context.Context, q *questions, width int, out [][]driver.Value) (n int64, err error) {
	rows, err := pg.sessions.AskLane(ctx, q.lane, q.text, q.vars)
	if err != nil {
		return 0, err
	}
	defer func() {
		if closing := rows.Close(); err == nil {
			err = closing
		}
	}()
	var shard int
	cells, targets := make([]any, width), make([]any, width+1)
	targets[0] = &shard
	for j := range cells {
		targets[j+1] = &cells[j]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(targets...); err != nil {
			return n, err
		}
		if shard < 0 || shard >= len(out) {
			return n, fmt.Errorf("an answer of shard %d of %d", shard, len(out))
		}
		row := make([]driver.Value, width)
		for j, cell := range cells {
			row[j] = cell
		}
		out[shard] = row
	}
	return n, rows.Err()
}

// keyValue is a key's value as it is compared and bound: MySQL's driver gives text, and
// some numbers, as bytes, which would be compared and bound as bytes.
func keyValue(k *planner.OrderKey, v driver.Value) driver.Value {
	text, isText := v.([]byte)
	if !isText || k.Kind == config.KindBytes {
		return v
	}
	if k.Kind == config.KindInt || k.Kind == config.KindBool {
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return n
		}
		if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
			return n
		}
	}
	return string(text)
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
