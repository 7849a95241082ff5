package callbacks

import (
	"database/sql/driver"
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// A write of versions reads one key's rows, moves the ends of some, and inserts some.
// Where all of the key's versions are in one shard that is known, nobody listens to
// single statements and nothing but the key decides which rows they are about, reads and
// moves are sent straight to that shard: their texts are the same for every key. GORM
// would build each, and the planner route it, only to arrive at the same.

// directText names the text of a statement on a shard.
type directText struct {
	shard *config.Shard
	kind  string
}

// direct is the shard to which a key's reads and moves can be sent as they are; nil if
// they have to go through GORM.
func (h *history) direct() *config.Shard {
	r := h.r
	if h.shared || h.checking || h.tx.DryRun || r.config.Observer != nil || r.dialect.Name == "sqlserver" || !r.statementsAlone(h.tx) {
		return nil
	}
	if s := h.table.Schema; s.AfterFind || len(s.QueryClauses) > 0 || len(s.UpdateClauses) > 0 {
		return nil
	}
	for _, v := range h.key {
		if !bindsAsItIs(v) {
			return nil
		}
	}
	if s := h.shardOf(h.key); s != nil && !s.ReadOnly {
		return s
	}
	return nil
}

// bindsAsItIs tells the values that GORM binds as they are, and compares by =.
func bindsAsItIs(v any) bool {
	switch v.(type) {
	case nil, gorm.Valuer, clause.Expression:
		return false
	case driver.Valuer:
		return reflect.ValueOf(v).Kind() != reflect.Pointer
	case time.Time:
		return true
	}
	switch reflect.ValueOf(v).Kind() {
	case reflect.String, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return false
}

// text is a statement's text on a shard, built once; write gets its parts.
func (h *history) text(s *config.Shard, kind string, write func(stmt *gorm.Statement)) string {
	if text, ok := h.r.versionTexts.Load(directText{s, kind}); ok {
		return text.(string)
	}
	stmt := &gorm.Statement{DB: h.tx, Table: s.Table, Context: h.ctx(), Clauses: map[string]clause.Clause{}}
	write(stmt)
	text := stmt.SQL.String()
	h.r.versionTexts.Store(directText{s, kind}, text)
	return text
}

// equals writes "column = ?", with AND before all but the first.
func equals(stmt *gorm.Statement, first bool, column string) {
	if !first {
		_, _ = stmt.WriteString(" AND ")
	}
	assign(stmt, column)
}

func assign(stmt *gorm.Statement, column string) {
	stmt.WriteQuoted(column)
	_, _ = stmt.WriteString(" = ")
	stmt.AddVar(stmt, 0)
}

func (h *history) writeKey(stmt *gorm.Statement) {
	_, _ = stmt.WriteString(" WHERE ")
	for i := range h.v.Key {
		equals(stmt, i == 0, h.v.Key[i].Column)
	}
}

// readDirect reads and locks the key's rows, all of their columns or only the primary key.
func (h *history) readDirect(s *config.Shard, list reflect.Value, locksOnly bool) error {
	kind := "read"
	if locksOnly {
		kind = "lock"
	}
	text := h.text(s, kind, func(stmt *gorm.Statement) {
		columns := "*"
		if locksOnly {
			names := make([]string, len(h.table.Schema.PrimaryFieldDBNames))
			for i, name := range h.table.Schema.PrimaryFieldDBNames {
				names[i] = h.r.quote(name)
			}
			columns = strings.Join(names, ",")
		}
		_, _ = stmt.WriteString("SELECT " + columns + " FROM ")
		stmt.WriteQuoted(s.Table)
		h.writeKey(stmt)
		if h.r.dialect.Name != "sqlite" {
			_, _ = stmt.WriteString(" FOR UPDATE")
		}
	})
	args := h.bound(h.key...)
	pool, err := h.pool(s.Database)
	if err != nil {
		return err
	}
	began := time.Now()
	tx := h.tx.Model(list.Interface())
	rows, err := pool.QueryContext(h.ctx(), text, args...)
	if err == nil {
		stmt := tx.Statement
		stmt.Schema, stmt.Dest, stmt.ReflectValue = h.table.Schema, list.Interface(), list.Elem()
		scan(tx, rows, 0)
		err = tx.Error
	}
	h.log(began, text, args, tx.RowsAffected, err)
	return h.failed(err)
}

// moveDirect carries out a step that changes nothing but periods, on exactly the row that
// was read; done is false if it has to go through GORM.
func (h *history) moveDirect(s *config.Shard, step temporal.Step[Row]) (done bool, err error) {
	if len(h.table.Schema.PrimaryFields) == 0 || h.v.ByStart {
		return false, nil
	}
	columns, args := h.moved(step)
	if len(columns) == 0 {
		return false, nil
	}
	text := h.text(s, "move "+strings.Join(columns, ","), func(stmt *gorm.Statement) {
		_, _ = stmt.WriteString("UPDATE ")
		stmt.WriteQuoted(s.Table)
		_, _ = stmt.WriteString(" SET ")
		for i, column := range columns {
			if i > 0 {
				_ = stmt.WriteByte(',')
			}
			assign(stmt, column)
		}
		h.writeKey(stmt)
		for _, f := range h.guards() {
			equals(stmt, false, f.DBName)
		}
	})
	args = append(args, h.key...)
	for _, f := range h.guards() {
		value, _ := f.ValueOf(h.ctx(), step.Old.Row)
		args = append(args, value)
	}
	args = h.bound(args...)
	pool, err := h.pool(s.Database)
	if err != nil {
		return true, err
	}
	began := time.Now()
	result, err := pool.ExecContext(h.ctx(), text, args...)
	var n int64
	if err == nil {
		n, err = result.RowsAffected()
	}
	h.log(began, text, args, n, err)
	if err != nil {
		return true, h.failed(err)
	}
	return true, h.wrote(step, n)
}

// bound are a statement's arguments, as the engine compares them.
func (h *history) bound(args ...any) []any {
	bound := append(make([]any, 0, len(args)), args...)
	if h.r.dialect.Name == "sqlite" {
		utcTimes(bound)
	}
	return bound
}

// pool is what a statement in a database runs on.
func (h *history) pool(database string) (gorm.ConnPool, error) {
	if !h.r.many {
		return h.tx.Statement.ConnPool, nil
	}
	return resolver.On(h.tx.Statement.ConnPool, database)
}

// failed is an engine's error as GORM would give it.
func (h *history) failed(err error) error {
	if err == nil {
		return nil
	}
	return translated(h.tx, explained(h.table.Name, "write of versions", err))
}
