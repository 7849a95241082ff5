package callbacks

import (
	"reflect"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// carryOut writes one step, by plain GORM on the routed model.
func (h *history) carryOut(step temporal.Step[Row]) error {
	switch step.Kind {
	case temporal.Insert:
		return h.insert(step.New)
	case temporal.Remove:
		return h.guarded(step, func(tx *gorm.DB) *gorm.DB {
			return tx.Unscoped().Delete(reflect.New(h.table.ModelType).Interface())
		})
	case temporal.Rewrite:
		return h.guarded(step, func(tx *gorm.DB) *gorm.DB {
			row := h.copyOf(step.New.Row)
			h.setPeriods(row, step.New)
			columns := []string{}
			for _, f := range h.table.Schema.Fields {
				if f.DBName != "" && !f.PrimaryKey && f.Updatable && f.AutoCreateTime == 0 {
					columns = append(columns, f.DBName)
				}
			}
			return tx.Select(columns).Omit(clause.Associations).Updates(row.Addr().Interface())
		})
	}
	if s := h.direct(); s != nil {
		if done, err := h.moveDirect(s, step); done {
			return err
		}
	}
	return h.guarded(step, func(tx *gorm.DB) *gorm.DB {
		set := map[string]any{}
		columns, values := h.moved(step)
		for i, column := range columns {
			set[column] = values[i]
		}
		return tx.UpdateColumns(set)
	})
}

// moved are the period's columns that a step changes, and their values.
func (h *history) moved(step temporal.Step[Row]) (columns []string, values []any) {
	add := func(c *config.PeriodColumns, was, is temporal.Period) {
		if !was.From.Equal(is.From) {
			columns, values = append(columns, c.From.DBName), append(values, any(is.From))
		}
		if c.To != nil && !was.To.Equal(is.To) {
			columns, values = append(columns, c.To.DBName), append(values, temporal.StoredEnd(is.To, c.Open))
		}
	}
	add(&h.v.Valid, step.Old.Valid, step.New.Valid)
	if h.v.System != nil {
		add(h.v.System, step.Old.System, step.New.System)
	}
	return columns, values
}

// guards are the columns by which a step finds exactly the row that was read: its primary
// key, and its start as it is stored, which may be finer than the plan's.
func (h *history) guards() []*schema.Field {
	fields := h.table.Schema.PrimaryFields
	if f := h.v.Valid.From; !f.PrimaryKey {
		fields = append(fields[:len(fields):len(fields)], f)
	}
	return fields
}

// guarded runs a step on exactly the row that was read.
func (h *history) guarded(step temporal.Step[Row], run func(*gorm.DB) *gorm.DB) error {
	tx := h.where()
	for _, f := range h.guards() {
		value, _ := f.ValueOf(h.ctx(), step.Old.Row)
		tx = tx.Where(clause.Eq{Column: clause.Column{Table: clause.CurrentTable, Name: f.DBName}, Value: value})
	}
	done := run(tx)
	if done.Error != nil {
		return done.Error
	}
	return h.wrote(step, done.RowsAffected)
}

// wrote notes that a step is carried out, which is to have changed the one row.
func (h *history) wrote(step temporal.Step[Row], rows int64) error {
	if rows != 1 {
		return h.conflict(step.Old.Valid.From)
	}
	h.own()[step.Old.ID] = true
	return nil
}

// insert makes a version's row. The caller's own struct becomes the row, so that it has
// its id and period afterwards; a leftover is a copy with an id of its own.
func (h *history) insert(v temporal.Version[Row]) error {
	row := v.Row
	further := h.v.Cut() && v.Whole.ID != nil // a part of a version that has others
	if row != h.model || further {
		row = h.copyOf(row)
	}
	for _, f := range h.table.Schema.PrimaryFields {
		if f != h.v.Valid.From && !h.isKey(f) {
			row.FieldByIndex(f.StructField.Index).SetZero()
		}
	}
	for _, f := range h.table.Schema.Fields { // a version is made when it is made
		if f.AutoCreateTime > 0 && f.DBName != "" {
			row.FieldByIndex(f.StructField.Index).SetZero()
		}
	}
	h.setPeriods(row, v)
	if h.v.Cut() {
		return h.insertPart(row, v)
	}
	if s := h.directInsert(row); s != nil {
		return h.insertDirect(s, row)
	}
	return h.create(row)
}

// create makes a row by plain GORM.
func (h *history) create(row Row) error {
	tx := h.tx
	if row != h.model {
		tx = tx.Omit(clause.Associations)
	}
	if err := tx.Create(row.Addr().Interface()).Error; err != nil {
		return err
	}
	h.own()[h.rowID(row)] = true
	return nil
}

func (h *history) isKey(f any) bool {
	for _, k := range h.v.Key {
		if any(k.Field) == f {
			return true
		}
	}
	return false
}

// copyOf is a row of its own with the same data.
func (h *history) copyOf(row Row) Row {
	c := reflect.New(h.table.ModelType).Elem()
	c.Set(row)
	return c
}

// setPeriods writes a version's periods into its row.
func (h *history) setPeriods(row Row, v temporal.Version[Row]) {
	set := func(c *config.PeriodColumns, p temporal.Period) {
		_ = c.From.Set(h.ctx(), row, p.From)
		if c.To != nil {
			if end := temporal.StoredEnd(p.To, c.Open); end == nil {
				row.FieldByIndex(c.To.StructField.Index).SetZero()
			} else {
				_ = c.To.Set(h.ctx(), row, end)
			}
		}
	}
	set(&h.v.Valid, v.Valid)
	if h.v.System != nil {
		set(h.v.System, v.System)
	}
}

// tell sends the events of the steps once they are committed.
func (h *history) tell(steps []temporal.Step[Row]) {
	observer, ok := h.r.config.Observer.(config.VersionObserver)
	if !ok || len(steps) == 0 {
		return
	}
	events := make([]config.VersionEvent, 0, len(steps))
	for _, s := range steps {
		e := config.VersionEvent{Entity: h.table.Name, Key: h.key, Step: s.Kind.String(), CorrelationID: config.CorrelationID(h.ctx())}
		if s.Kind == temporal.Insert {
			e.Kind, e.From, e.To = config.VersionCreated, s.New.Valid.From, s.New.Valid.To
		} else {
			e.Kind, e.From, e.To = config.VersionInvalidated, s.Old.Valid.From, s.New.Valid.To
			e.OldTo = s.Old.Valid.To
		}
		events = append(events, e)
	}
	send := func() {
		for _, e := range events {
			e.At = time.Now().UTC()
			observer.VersionChanged(h.ctx(), e)
		}
	}
	if tx, ok := resolver.Transaction(h.tx.Statement.ConnPool); ok {
		tx.OnAfterCommit(send)
		return
	}
	send()
}
