package callbacks

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

// Difference is one key of which two reads see different data. A side without a version
// is the zero Row.
type Difference struct {
	// Key are the values of the entity key's columns.
	Key []any
	// Before and After are the rows on both sides.
	Before, After Row
	// Columns are the columns of data that differ; all of them if there is only one row.
	Columns []ColumnDifference
}

// ColumnDifference is one column that differs.
type ColumnDifference struct {
	// Column is its name in the database.
	Column string
	// Before and After are the values of the model's field; nil on a side without a version.
	Before, After any
}

// Diff reads what a query names through two lenses, in one snapshot where the engine has
// them, and compares them key by key. model is the entity's struct type.
func (r *Runtime) Diff(query *gorm.DB, model reflect.Type, before, after func(*gorm.DB) *gorm.DB) (list []Difference, err error) {
	if query.Error != nil {
		return nil, query.Error
	}
	stmt := &gorm.Statement{DB: query}
	if err := stmt.Parse(reflect.New(model).Interface()); err != nil {
		return nil, err
	}
	h, err := r.historyOf(query, stmt.Schema)
	if err != nil {
		return nil, err
	}
	if what := unportionable(query.Statement); what != "" {
		return nil, &config.UnsupportedError{
			Entity: h.table.Name, Reason: "diff-query", Problem: "a comparison of the versions that a query with " + what + " names",
			Hint: "name them by conditions, joins and scopes only",
		}
	}
	asked := query.Statement.Model
	query = query.Session(&gorm.Session{})
	if asked != nil {
		if of := (&gorm.Statement{DB: query}); of.Parse(asked) != nil || of.Schema.ModelType != model {
			return nil, fmt.Errorf("%w: the query's model is not the one that is compared", gorm.ErrInvalidValue)
		}
		if names := (&portion{history: h}).carried(reflect.ValueOf(asked)); names != nil {
			query = query.Where(names).Session(&gorm.Session{})
		}
	}
	compare := func(tx *gorm.DB) error {
		var sides [2]map[string]Row
		for i, lens := range []func(*gorm.DB) *gorm.DB{before, after} {
			one := query.Session(&gorm.Session{})
			one = one.Model(reflect.New(model).Interface())
			one.Statement.ConnPool = tx.Statement.ConnPool
			if sides[i], err = h.side(one.Scopes(lens)); err != nil {
				return err
			}
		}
		list = h.compare(sides[0], sides[1])
		return nil
	}
	fresh := session(query)
	if resolver.InTransaction(query.Statement.ConnPool) {
		return list, compare(fresh)
	}
	var opts []*sql.TxOptions
	if r.dialect.Name == "postgres" || r.dialect.Name == "mysql" { // SQLite's transactions are snapshots already
		opts = append(opts, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	}
	return list, fresh.Transaction(compare, opts...)
}

// side reads one side, by key.
func (h *history) side(query *gorm.DB) (map[string]Row, error) {
	list := reflect.New(reflect.SliceOf(h.table.ModelType))
	most := h.r.config.MaxBufferedRows
	if most > 0 {
		query = query.Limit(int(most) + 1)
	}
	if err := query.Find(list.Interface()).Error; err != nil {
		return nil, err
	}
	n := list.Elem().Len()
	if most > 0 && n > int(most) {
		return nil, fmt.Errorf("%w: a comparison of more than %d versions of %s", config.ErrTooManyRows, most, h.table.Name)
	}
	rows := make(map[string]Row, n)
	for i := range n {
		row := list.Elem().Index(i)
		key := h.identity(h.keyOf(row))
		if _, twice := rows[key]; twice {
			return nil, &config.UnsupportedError{
				Entity: h.table.Name, Reason: "diff-versions", Problem: "a comparison through a lens that sees several versions of a key",
				Hint: "compare by lenses that see one: ValidAt, Current or Latest, with KnownAt if you like",
			}
		}
		rows[key] = row
	}
	return rows, nil
}

// compare lists the keys that differ, in order.
func (h *history) compare(before, after map[string]Row) (list []Difference) {
	keys := make([]string, 0, len(before))
	for key := range before {
		keys = append(keys, key)
	}
	for key := range after {
		if _, both := before[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, strings.Compare)
	for _, key := range keys {
		d := Difference{Before: before[key], After: after[key]}
		d.Columns = h.columns(d.Before, d.After)
		if len(d.Columns) == 0 && d.Before.IsValid() == d.After.IsValid() {
			continue
		}
		some := d.Before
		if !some.IsValid() {
			some = d.After
		}
		d.Key = h.keyOf(some)
		list = append(list, d)
	}
	return list
}

// columns lists the columns of data that differ between two rows of a key; all of them
// if there is only one, with nil for the other's.
func (h *history) columns(before, after Row) (list []ColumnDifference) {
	for _, f := range h.table.Schema.Fields {
		if f.DBName == "" || !h.data(f) {
			continue
		}
		c := ColumnDifference{Column: f.DBName}
		if before.IsValid() {
			c.Before, _ = f.ValueOf(h.ctx(), before)
		}
		if after.IsValid() {
			c.After, _ = f.ValueOf(h.ctx(), after)
		}
		if before.IsValid() != after.IsValid() || !sameData(c.Before, c.After) {
			list = append(list, c)
		}
	}
	return list
}

// DiffRows lists the columns of data that differ between two rows of one entity.
func (r *Runtime) DiffRows(db *gorm.DB, before, after any) ([]ColumnDifference, error) {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(before); err != nil {
		return nil, err
	}
	h, err := r.historyOf(db, stmt.Schema)
	if err != nil {
		return nil, err
	}
	a, b := reflect.Indirect(reflect.ValueOf(before)), reflect.Indirect(reflect.ValueOf(after))
	if a.Kind() != reflect.Struct || b.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%w: the versions must be pointers to structs", gorm.ErrInvalidValue)
	}
	return h.columns(a, b), nil
}
