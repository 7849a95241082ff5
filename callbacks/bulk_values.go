package callbacks

import (
	"context"
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// bulkColumns are the columns that a chunk's rows have, as GORM's own create has them.
type bulkColumns struct {
	// always are those that every row has.
	always []*schema.Field
	// filled are those that the database fills where a row's value is zero.
	filled []*schema.Field
}

var (
	expressionType = reflect.TypeFor[clause.Expression]()
	valuerType     = reflect.TypeFor[gorm.Valuer]()
)

// maxFilled bounds the columns that the database fills: which of them a row has is a set
// of bits.
const maxFilled = 64

// bulkColumns are the chunk's columns; nil if GORM must build the statement, or read what
// the database answers.
func (c *creation) bulkColumns() *bulkColumns {
	stmt := c.db.Statement
	_, conflict := stmt.Clauses["ON CONFLICT"]
	_, returning := stmt.Clauses["RETURNING"]
	_, into := stmt.Clauses["INSERT"]
	_, tracked := stmt.Get("gorm:update_track_time")
	if !structRows(c.rows.list) || c.db.DryRun || c.r.dialect.Name == "sqlserver" || conflict || returning || into || tracked {
		return nil
	}
	s := c.table.Schema
	selected, restricted := c.selectedColumns()
	columns := &bulkColumns{}
	for _, name := range s.DBNames {
		f := s.FieldsByDBName[name]
		if expresses(f) {
			return nil
		}
		use, named := selected[name]
		if f.HasDefaultValue && f.DefaultValueInterface == nil {
			if named && use || !named && !restricted {
				columns.filled = append(columns.filled, f)
			}
			continue
		}
		if named && use || !named && (!restricted || f.AutoCreateTime > 0 || f.AutoUpdateTime > 0) {
			columns.always = append(columns.always, f)
		}
	}
	if len(columns.filled) > maxFilled || c.answered(s) {
		return nil
	}
	return columns
}

// expresses tells a field whose values are SQL.
func expresses(f *schema.Field) bool {
	for _, t := range []reflect.Type{f.FieldType, reflect.PointerTo(f.IndirectFieldType)} {
		if t.Implements(expressionType) || t.Implements(valuerType) {
			return true
		}
	}
	return f.FieldType.Kind() == reflect.Interface // which may hold one
}

// answered tells whether the database has to answer with something: with a primary key,
// or, where a hook looks at the row afterwards, with any column that it fills.
func (c *creation) answered(s *schema.Schema) bool {
	hooks := (s.AfterCreate || s.AfterSave) && !c.db.Statement.SkipHooks
	for _, f := range s.FieldsWithDefaultDBValue {
		if !hooks && !f.PrimaryKey {
			continue
		}
		for i := range c.rows.len() {
			if c.rows.zero(i, f) {
				return true
			}
		}
	}
	return false
}

// group is a part of one shard's rows that have the same columns.
type bulkGroup struct {
	fields []*schema.Field
	rows   []int
}

// groups parts a shard's rows by the columns that the database fills.
func (c *creation) groups(columns *bulkColumns, rows []int) []bulkGroup {
	if len(columns.filled) == 0 {
		return []bulkGroup{{columns.always, rows}}
	}
	var groups []bulkGroup
	at := map[uint64]int{}
	last, lastAt := uint64(0), -1
	for _, row := range rows {
		var has uint64
		for k, f := range columns.filled {
			if !c.rows.zero(row, f) {
				has |= 1 << k
			}
		}
		if lastAt < 0 || has != last {
			i, known := at[has]
			if !known {
				i = len(groups)
				at[has] = i
				fields := columns.always[:len(columns.always):len(columns.always)]
				for k, f := range columns.filled {
					if has&(1<<k) != 0 {
						fields = append(fields, f)
					}
				}
				groups = append(groups, bulkGroup{fields: fields})
			}
			last, lastAt = has, i
		}
		groups[lastAt].rows = append(groups[lastAt].rows, row)
	}
	return groups
}

// chunkRows are a group's rows as config.BulkRows. It writes times and defaults into
// them, as GORM's create does while it builds its statement.
type chunkRows struct {
	ctx    context.Context // ends when another database failed
	set    *rowSet
	group  bulkGroup
	now    time.Time
	at     int
	values []any
	// direct are the fields, in the order of the group's, that hold their values as they
	// are; nil until Fields is called.
	direct []int
	err    error
}

var _ config.BulkRows = (*chunkRows)(nil)

// lookEvery is how many rows go by between two looks at the context.
const lookEvery = 64

// Next goes to the next row.
func (r *chunkRows) Next() bool {
	if r.err != nil || r.at == len(r.group.rows) {
		return false
	}
	if r.at%lookEvery == 0 {
		if r.err = r.ctx.Err(); r.err != nil {
			return false
		}
	}
	r.at++
	return true
}

// Err is why the rows ended early.
func (r *chunkRows) Err() error { return r.err }

// Values are the row's.
func (r *chunkRows) Values() ([]any, error) {
	row := r.set.at(r.group.rows[r.at-1])
	for i := range r.group.fields {
		if !r.value(row, i) {
			return nil, r.err
		}
	}
	return r.values, nil
}

// Fields are the row's values, by pointers where that does.
func (r *chunkRows) Fields() ([]any, error) {
	if r.direct == nil {
		r.direct = directFields(r.group.fields)
	}
	row := r.set.at(r.group.rows[r.at-1])
	fields := reflect.Indirect(row)
	for i, at := range r.direct {
		if at >= 0 {
			r.values[i] = fields.Field(at).Addr().Interface()
		} else if !r.value(row, i) {
			return nil, r.err
		}
	}
	return r.values, nil
}

// value reads one value of a row; false after a failure.
func (r *chunkRows) value(row reflect.Value, i int) bool {
	f := r.group.fields[i]
	v, zero := f.ValueOf(r.set.stmt.Context, row)
	if zero {
		switch {
		case f.DefaultValueInterface != nil:
			v = f.DefaultValueInterface
			r.err = f.Set(r.set.stmt.Context, row, v)
		case f.AutoCreateTime > 0 || f.AutoUpdateTime > 0:
			if r.err = f.Set(r.set.stmt.Context, row, r.now); r.err == nil {
				v, _ = f.ValueOf(r.set.stmt.Context, row)
			}
		}
	}
	r.values[i] = v
	return r.err == nil
}

// directFields gives, for each field, its place in the row's struct if it holds its value
// there as it is; -1 for others: of types of their own, which may have a Valuer, with a
// serializer, and those that a zero value stands for another in.
func directFields(fields []*schema.Field) []int {
	direct := make([]int, len(fields))
	for i, f := range fields {
		direct[i] = -1
		if len(f.StructField.Index) != 1 || f.Serializer != nil || f.DefaultValueInterface != nil || f.AutoCreateTime > 0 || f.AutoUpdateTime > 0 {
			continue
		}
		switch f.FieldType {
		case reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int64](), reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[time.Time]():
			direct[i] = f.StructField.Index[0]
		}
	}
	return direct
}
