package callbacks

import (
	"database/sql/driver"
	"math"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// CursorOf makes the cursor behind a row of the read that tx, as a finisher returned
// it, has executed.
func (r *Runtime) CursorOf(tx *gorm.DB, row any) (string, error) {
	if tx.Error != nil {
		return "", tx.Error
	}
	s, err := r.keysetStatement(tx.Statement)
	if err != nil {
		return "", err
	}
	var k *planner.Keyset
	if c, ok := tx.Statement.Clauses[keysetCarrier].Expression.(carriedKeyset); ok {
		k = c.Keyset
	} else if k, err = s.Keyset(); err != nil {
		return "", err
	} else if k.Appended > 0 {
		return "", &config.CursorError{
			Entity: s.Table.Name, Problem: "the statement's ORDER BY leaves the order of some rows open",
			Hint: `read the first page by db.Scopes(dtde.After("")), which adds the primary key to it`,
		}
	}
	c := cursorRow{r: r, tx: tx, table: s.Table, row: row}
	values := make([]any, len(k.Columns))
	for i, column := range k.Columns {
		if values[i], err = c.exact(column); err != nil {
			return "", err
		}
	}
	return encodeCursor(orderDigest(s.Table.LogicalName, k), values)
}

// cursorRow reads a row's values.
type cursorRow struct {
	r     *Runtime
	tx    *gorm.DB
	table *config.Table
	row   any
}

func (c *cursorRow) refuse(problem, hint string) error {
	return &config.CursorError{Entity: c.table.Name, Problem: problem, Hint: hint}
}

// value is a column's value as a driver takes it; zero tells a Go zero value that may
// stand for NULL.
func (c *cursorRow) value(column string) (v any, zero bool, err error) {
	missing := c.refuse("the row has no value for "+column, "select it, and give the row as the statement read it")
	if m, ok := c.row.(map[string]any); ok {
		for name, v := range m {
			if strings.EqualFold(name, column) {
				v, err = plain(v)
				return v, false, err
			}
		}
		return nil, false, missing
	}
	rv := reflect.ValueOf(c.row)
	for rv.Kind() == reflect.Pointer && !rv.IsNil() {
		rv = rv.Elem()
	}
	if rv.Kind() != reflect.Struct {
		return nil, false, missing
	}
	if selected := c.tx.Statement.Selects; len(selected) > 0 && !c.selects(column) {
		return nil, false, missing
	}
	s := c.table.Schema
	if rv.Type() != s.ModelType {
		stmt := &gorm.Statement{DB: c.tx}
		if err := stmt.Parse(reflect.New(rv.Type()).Interface()); err != nil {
			return nil, false, missing
		}
		s = stmt.Schema
	}
	f := s.FieldsByDBName[column]
	if f == nil {
		return nil, false, missing
	}
	v, zero = f.ValueOf(c.tx.Statement.Context, rv)
	v, err = plain(v)
	if err != nil {
		return nil, false, c.refuse("the row's "+column+" has no value of a driver's type", "order by other columns")
	}
	return v, zero, nil
}

// selects tells whether the statement read a column.
func (c *cursorRow) selects(column string) bool {
	for _, name := range c.tx.Statement.Selects {
		for part := range strings.SplitSeq(name, ",") {
			part = strings.Trim(strings.TrimSpace(part), "\"`[]")
			part = part[strings.LastIndexByte(part, '.')+1:]
			f := c.table.Schema.LookUpField(strings.Trim(part, "\"`[]"))
			if part == "*" || f != nil && f.DBName == column {
				return true
			}
		}
	}
	return false
}

// plain turns a Go value into one of the types that a cursor holds.
func plain(v any) (any, error) {
	if rv := reflect.Indirect(reflect.ValueOf(v)); rv.IsValid() && rv.CanUint() && rv.Uint() > math.MaxInt64 {
		return rv.Uint(), nil
	}
	return driver.DefaultParameterConverter.ConvertValue(v)
}

// exact is a column's value as the database has it. What Go may show otherwise (NULL as
// a zero value, numbers and times that are rounded) the database is asked for.
func (c *cursorRow) exact(column planner.KeysetColumn) (any, error) {
	v, zero, err := c.value(column.Column)
	if err != nil || v == nil {
		return v, err
	}
	if !(zero && column.Nullable) && !c.rounds(c.table.Schema.FieldsByDBName[column.Column], v) {
		return v, nil
	}
	q := sameServers(c.tx).Unscoped().Model(reflect.New(c.table.Schema.ModelType).Interface())
	if c.tx.Statement.Schema != nil && c.tx.Statement.Table != c.tx.Statement.Schema.Table {
		q = q.Table(c.tx.Statement.Table)
	}
	known := append([]string(nil), c.table.Schema.PrimaryFieldDBNames...)
	for _, key := range c.table.Keys {
		known = append(known, key.Field.DBName)
	}
	for i, name := range known {
		f := c.table.Schema.FieldsByDBName[name]
		key, zero, err := c.value(name)
		primary := i < len(c.table.Schema.PrimaryFieldDBNames)
		if primary && err != nil {
			return nil, err
		}
		if primary || err == nil && key != nil && !zero && !c.rounds(f, key) {
			q = q.Where(clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: name}, Value: key})
		}
	}
	q = q.Session(&gorm.Session{})
	at := clause.Column{Table: clause.CurrentTable, Name: column.Column}
	for _, candidate := range []any{v, nil} {
		var n int64
		if err := q.Where(clause.Eq{Column: at, Value: candidate}).Count(&n).Error; err != nil {
			return nil, err
		}
		if n == 1 {
			return candidate, nil
		}
		if n > 1 {
			break
		}
	}
	return nil, c.refuse("the database has another value of "+column.Column+" than the row shows",
		"the row was changed or deleted since, or its type rounds; order by a column that does not")
}

// rounds tells whether a field's Go value may differ from the database's.
func (c *cursorRow) rounds(f *schema.Field, v any) bool {
	switch v.(type) {
	case float64:
		return true
	case time.Time:
		return c.r.dialect.Name == "sqlite" // which compares the text that it was given
	}
	return f == nil || config.KindOf(f) == config.KindInvalid
}
