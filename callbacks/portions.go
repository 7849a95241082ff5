package callbacks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// PortionWrite is one write FOR PORTION OF a period to the rows that a query names.
type PortionWrite struct {
	// Query names versions: its model, conditions, joins and scopes. A model with an
	// entity key, or a slice of them, names these keys' versions.
	Query *gorm.DB
	// Period is what is written; rows that don't overlap it are left alone.
	Period temporal.Period
	// Operation makes the write; it is called once, after the query was looked at.
	Operation func(s *schema.Schema) (temporal.Operation[Row], error)
}

// keysPerRead bounds the keys in one condition.
const keysPerRead = 200

// portion is one under way.
type portion struct {
	*history
	query  *gorm.DB // conditions and a transaction, ready for Find
	period temporal.Period
	op     temporal.Operation[Row]
}

// WritePortions carries out a portion of every overlapping version that the query names,
// all or nothing: keys are locked first, in one order for everyone, then the query is
// asked again. touched counts the overlapping rows, changed tells whether any was written.
func (r *Runtime) WritePortions(w PortionWrite) (touched int, changed bool, err error) {
	if w.Query.Error != nil {
		return 0, false, w.Query.Error
	}
	err = r.inHistory(w.Query, func(tx *gorm.DB) error {
		touched, changed = 0, false
		p, err := r.portion(tx, w)
		if err != nil {
			return err
		}
		return p.write(tx, &touched, &changed)
	})
	return touched, changed, err
}

// portion looks at the query.
func (r *Runtime) portion(tx *gorm.DB, w PortionWrite) (*portion, error) {
	asked := w.Query.Statement
	if asked.Model == nil {
		return nil, fmt.Errorf("%w: name the versions by a query with db.Model", gorm.ErrInvalidValue)
	}
	stmt := &gorm.Statement{DB: tx}
	if err := stmt.Parse(asked.Model); err != nil {
		return nil, err
	}
	h, err := r.historyOf(tx, stmt.Schema)
	if err != nil {
		return nil, err
	}
	if what := unportionable(asked); what != "" {
		return nil, &config.UnsupportedError{
			Entity: h.table.Name, Reason: "portion-query", Problem: "a write to a portion of the versions that a query with " + what + " names",
			Hint: "name them by conditions, joins and scopes only",
		}
	}
	p := &portion{history: h, period: w.Period}
	if p.op, err = w.Operation(h.table.Schema); err != nil {
		return nil, err
	}
	if err := p.op.Check(); err != nil {
		return nil, h.named(err)
	}
	p.query = w.Query.Session(&gorm.Session{Context: tx.Statement.Context, SkipHooks: true})
	q := p.query.Statement
	q.ConnPool, q.Preloads = tx.Statement.ConnPool, nil
	q.Model, q.Dest = reflect.New(h.table.ModelType).Interface(), nil
	delete(q.Clauses, "ORDER BY")
	if _, own := q.Settings.Load(lensKey{}); !own { // the period says when: no lens of the context, no default
		q.Settings.Store(lensKey{}, lensSetting{Lens: temporal.AllVersions(), unstated: true})
	}
	names := p.carried(reflect.ValueOf(asked.Model))
	if names == nil {
		if err := p.guarded(); err != nil {
			return nil, err
		}
	} else {
		p.query = p.also(names)
	}
	if !h.v.StartOnly() {
		overlap := temporal.ValidBetween(w.Period.From, w.Period.To).KnownEver().Conditions(h.v, temporal.Target{Table: clause.CurrentTable})
		p.query = p.also(clause.And(overlap...))
	}
	return p, nil
}

// unportionable says what of a statement has no meaning in a write to a portion.
func unportionable(stmt *gorm.Statement) string {
	for _, c := range []string{"LIMIT", "GROUP BY", "FOR", "RETURNING", "SET"} {
		if _, has := stmt.Clauses[c]; has {
			return c
		}
	}
	switch {
	case stmt.Distinct:
		return "DISTINCT"
	case len(stmt.Selects) > 0 || len(stmt.Omits) > 0:
		return "Select or Omit"
	case stmt.TableExpr != nil:
		return "Table"
	case stmt.SQL.Len() > 0:
		return "SQL text"
	}
	return ""
}

// carried is the condition that the query's model, or each of a slice, carries: its
// entity key, or else its primary key. nil if it carries none.
func (p *portion) carried(model reflect.Value) clause.Expression {
	model = reflect.Indirect(model)
	switch model.Kind() {
	case reflect.Slice, reflect.Array:
		var each []clause.Expression
		for i := range model.Len() {
			if e := p.carried(model.Index(i)); e != nil {
				each = append(each, e)
			}
		}
		if len(each) > 0 {
			return clause.And(clause.Or(each...))
		}
	case reflect.Struct:
		var keys, ids []clause.Expression
		given := false
		for i := range p.v.Key {
			value, zero := p.v.Key[i].Field.ValueOf(p.ctx(), model)
			given = given || !zero
			keys = append(keys, p.eq(p.v.Key[i].Column, value))
		}
		for _, f := range p.table.Schema.PrimaryFields {
			if value, zero := f.ValueOf(p.ctx(), model); !zero {
				ids = append(ids, p.eq(f.DBName, value))
			}
		}
		if given {
			return clause.And(keys...)
		}
		if len(ids) > 0 {
			return clause.And(ids...)
		}
	}
	return nil
}

func (p *portion) eq(column string, value any) clause.Expression {
	return clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: column}, Value: value}
}

// guarded is GORM's guard against writes to a whole table. Scopes may bring conditions:
// a dry run shows them.
func (p *portion) guarded() error {
	if p.query.AllowGlobalUpdate {
		return nil
	}
	dry := p.query.Session(&gorm.Session{DryRun: true})
	before := reflect.New(reflect.SliceOf(p.table.ModelType)).Interface()
	dry.Statement.Settings.Store(lensKey{}, lensSetting{unstated: true})
	if dry = dry.Find(before); dry.Error != nil {
		return dry.Error
	}
	if missingWhere(dry) {
		return gorm.ErrMissingWhereClause
	}
	return nil
}

// also is the query with a further condition, whatever OR its own have.
func (p *portion) also(e clause.Expression) *gorm.DB {
	tx := p.query.Session(&gorm.Session{Context: p.query.Statement.Context})
	var conds []clause.Expression
	if v, ok := tx.Statement.Settings.Load(portionKey{}); ok {
		conds = v.([]clause.Expression)
	}
	tx.Statement.Settings.Store(portionKey{}, append(slices.Clone(conds), e))
	return tx
}

// portionKey keeps conditions that hold whatever a statement's own say.
type portionKey struct{}

// rows runs the query. limited bounds what it may find.
func (p *portion) rows(query *gorm.DB, limited bool) (reflect.Value, error) {
	list := reflect.New(reflect.SliceOf(p.table.ModelType))
	most := p.r.config.MaxBufferedRows
	if limited && most > 0 {
		query = query.Limit(int(most) + 1)
	}
	if err := query.Find(list.Interface()).Error; err != nil {
		return list.Elem(), err
	}
	if n := list.Elem().Len(); limited && most > 0 && n > int(most) {
		return list.Elem(), fmt.Errorf("%w: a portion of more than %d versions of %s", config.ErrTooManyRows, most, p.table.Name)
	}
	return list.Elem(), nil
}

// write locks, asks again, plans and carries out.
func (p *portion) write(tx *gorm.DB, touched *int, changed *bool) error {
	if p.period.Cut(p.v.Valid.Precision).IsEmpty() {
		return nil
	}
	sqlite := p.r.dialect.Name == "sqlite"
	if sqlite { // the write lock first, of everything: nothing changes any more
		if err := p.lockWhole(); err != nil {
			return err
		}
	}
	found, err := p.rows(p.query, true)
	if err != nil || found.Len() == 0 {
		return err
	}
	keys, named := p.keysOf(found)
	histories := make([][]temporal.Version[Row], len(keys))
	if !sqlite {
		if err := p.lock(keys...); err != nil {
			return err
		}
		for i, key := range keys {
			if histories[i], err = p.of(key).read(); err != nil {
				return err
			}
		}
		if named, err = p.namedNow(keys); err != nil {
			return err
		}
		if err := p.stillSo(keys, histories); err != nil {
			return err
		}
	}
	done := map[any]bool{}
	for i, key := range keys {
		h := p.of(key)
		if sqlite {
			if histories[i], err = h.read(); err != nil {
				return err
			}
		}
		rows := histories[i]
		if len(rows) == 0 || done[rows[0].ID] { // the database takes two spellings for one key
			continue
		}
		for _, v := range rows {
			done[v.ID] = true
		}
		op := p.op.Among(func(v temporal.Version[Row]) bool { return named[p.id(v.Row)] })
		out, err := temporal.Plan(rows, op, h.rules(tx))
		if err != nil {
			return h.named(err)
		}
		if err := h.apply(rows, out); err != nil {
			return err
		}
		*touched += out.Touched
		*changed = *changed || !out.Nothing()
	}
	return nil
}

// keysOf are the entity keys of rows, each once, and the rows' ids.
func (p *portion) keysOf(list reflect.Value) (keys [][]any, ids map[any]bool) {
	ids = map[any]bool{}
	seen := map[string]bool{}
	for i := range list.Len() {
		row := list.Index(i)
		ids[p.id(row)] = true
		key := p.keyOf(row)
		text := p.identity(key)
		if !seen[text] {
			seen[text] = true
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b []any) int { return strings.Compare(p.identity(a), p.identity(b)) })
	return keys, ids
}

func (h *history) identity(key []any) string {
	var b strings.Builder
	for i, v := range key {
		text := h.keyText(i, v)
		fmt.Fprintf(&b, "%d:%s", len(text), text)
	}
	return b.String()
}

// namedNow asks the query again, of the keys that are locked now.
func (p *portion) namedNow(keys [][]any) (map[any]bool, error) {
	ids := map[any]bool{}
	for chunk := range slices.Chunk(keys, keysPerRead) {
		query := p.also(p.in(chunk))
		if p.r.dialect.Name == "mysql" && !p.v.Cut() { // at REPEATABLE READ only a locking read sees what others have committed
			query = query.Clauses(clause.Locking{Strength: clause.LockingStrengthUpdate})
		}
		list, err := p.rows(query, false)
		if err != nil {
			return nil, err
		}
		for i := range list.Len() {
			ids[p.id(list.Index(i))] = true
		}
	}
	return ids, nil
}

// in is the condition that a row is of one of the keys.
func (p *portion) in(keys [][]any) clause.Expression {
	if len(p.v.Key) == 1 {
		values := make([]any, len(keys))
		for i, key := range keys {
			values[i] = key[0]
		}
		return clause.IN{Column: clause.Column{Table: clause.CurrentTable, Name: p.v.Key[0].Column}, Values: values}
	}
	each := make([]clause.Expression, len(keys))
	for i, key := range keys {
		all := make([]clause.Expression, len(key))
		for k, v := range key {
			all[k] = p.eq(p.v.Key[k].Column, v)
		}
		each[i] = clause.And(all...)
	}
	return clause.And(clause.Or(each...))
}

// lockWhole takes SQLite's write lock in the database of every shard.
func (p *portion) lockWhole() error {
	locked := map[string]bool{}
	for _, s := range p.table.Shards {
		if locked[s.Database] {
			continue
		}
		locked[s.Database] = true
		if err := p.execOn(s.Database, "DELETE FROM "+p.r.quote(s.Table)+" WHERE 1 = 0"); err != nil {
			return err
		}
	}
	return nil
}
