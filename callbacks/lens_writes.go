package callbacks

import (
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/temporal"
)

// narrow gives an update or delete the lens that it was given by a scope: like any scope, it
// says which rows are meant. A lens of the context, or an entity's own, is for reads; the
// subqueries of a write are read through either.
func (r *Runtime) narrow(db *gorm.DB, t *config.Table, alias string) error {
	stmt := db.Statement
	if !r.temporal {
		return nil
	}
	r.passLens(db, statedLens(stmt))
	if t.Validity == nil || !scoped.Load() {
		return nil
	}
	stated, ok := stmt.Settings.Load(lensKey{})
	if !ok {
		return nil
	}
	l := lensOf(db, t.Validity, stated.(lensSetting))
	if err := checkLens(l, t); err != nil {
		return err
	}
	addConditions(stmt, l.Conditions(t.Validity, temporal.Target{Table: alias, Source: t.Schema.Table}))
	return nil
}
