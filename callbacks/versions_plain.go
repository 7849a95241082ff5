package callbacks

import (
	"reflect"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/temporal"
)

// savesVersion tells db.Save of one row of an entity that versions itself on it.
func savesVersion(stmt *gorm.Statement, t *config.Table) bool {
	if t.Validity == nil || !t.Validity.VersionOnSave || internal(stmt) || len(stmt.Selects) != 1 || stmt.Selects[0] != "*" {
		return false
	}
	v := reflect.ValueOf(stmt.Dest)
	return v.Kind() == reflect.Pointer && v.Elem().Kind() == reflect.Struct && v.Elem().Type() == t.ModelType
}

// saveVersion makes a version of what db.Save was given.
func (r *Runtime) saveVersion(db *gorm.DB) {
	row := reflect.ValueOf(db.Statement.Dest).Elem()
	_, err := r.WriteVersions(session(db), VersionWrite{
		Model:     db.Statement.Dest,
		Operation: func([]temporal.Version[Row]) (temporal.Operation[Row], error) { return temporal.Save(row), nil },
	})
	if fail(db, err); err == nil {
		db.RowsAffected = 1 // also if nothing had to be written: the row is there
	}
}

// validity completes plain creates: a start that is missing is now, an end that is
// missing is open as the column has it, and instants are cut to the columns' precision.
func (c *creation) validity() error {
	v := c.table.Validity
	if v == nil || internal(c.db.Statement) {
		return nil
	}
	if v.Cut() {
		return uncut(c.table, planner.Insert)
	}
	periods := []*config.PeriodColumns{&v.Valid}
	if v.System != nil {
		periods = append(periods, v.System)
	}
	for i := range c.rows.len() {
		for _, p := range periods {
			if err := c.start(i, p); err != nil {
				return err
			}
			if err := c.end(i, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *creation) start(i int, p *config.PeriodColumns) error {
	at := instantIn(c.db.Statement.Context, p.From, reflect.Indirect(c.rows.at(i)))
	if at == nil {
		now := instantOf(c.db)
		at = &now
	}
	return c.rows.set(i, p.From, temporal.Cut(*at, p.Precision))
}

func (c *creation) end(i int, p *config.PeriodColumns) error {
	if p.To == nil {
		return nil
	}
	at := instantIn(c.db.Statement.Context, p.To, reflect.Indirect(c.rows.at(i)))
	switch {
	case at != nil && !temporal.End(at).IsZero():
		return c.rows.set(i, p.To, temporal.Cut(*at, p.Precision))
	case p.Open == config.OpenSentinel:
		return c.rows.set(i, p.To, temporal.Sentinel)
	}
	return nil
}
