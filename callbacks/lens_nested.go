package callbacks

import (
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/temporal"
)

// inheritedLensKey keeps, in a subquery's settings, the lens of the statement around it. A
// lens of its own wins.
type inheritedLensKey struct{}

// statedLens is the lens that a statement was given: by a scope, by the statement around it,
// or by its context.
func statedLens(stmt *gorm.Statement) (l lensSetting) {
	if scoped.Load() {
		for _, key := range []any{lensKey{}, inheritedLensKey{}} {
			if v, ok := stmt.Settings.Load(key); ok {
				l = v.(lensSetting)
				l.given = true
				return l
			}
		}
	}
	l, l.given = stmt.Context.Value(lensKey{}).(lensSetting)
	return l
}

// passLens gives a statement's lens to the subqueries among its values. They may be shared
// with other statements, so those in the statement become copies.
func (r *Runtime) passLens(db *gorm.DB, l lensSetting) {
	stmt := db.Statement
	if !l.given || l.unstated || !nested(stmt) && !holds(stmt.Dest, isStatement) {
		return
	}
	if l.now { // the same instant for all
		l = lensSetting{Lens: temporal.ValidAt(instantOf(db))}
	}
	scoped.Store(true)
	lend := func(sub any) any {
		lent := sub.(*gorm.DB).Session(&gorm.Session{}).Set("dtde:lens", true) // a statement of its own
		lent.Statement.Settings.Store(inheritedLensKey{}, l)
		return lent
	}
	replaceInside(stmt, isStatement, lend)
	stmt.Dest = replaced(stmt.Dest, isStatement, lend) // the values that an update assigns
}
