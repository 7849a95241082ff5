package callbacks

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
	"github.com/go-dtde/dtde/temporal"
)

// lensKey keeps a lens among a statement's settings, from where GORM takes it to the
// statements of preloads and associations, and in a context.
type lensKey struct{}

// lensSetting is a lens; now stands for the instant of the statement.
type lensSetting struct {
	temporal.Lens
	now bool
	// unstated tells dtde's own choice, which is not for the program's subqueries.
	unstated bool
	// given tells, of what [statedLens] finds, that there is one.
	given bool
	// picking tells that each parent is given some of the rows; nil for other reads.
	picking *picking
}

// WithLens is a scope that reads temporal entities through a lens.
func WithLens(l temporal.Lens) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return setLens(db, lensSetting{Lens: l}) }
}

// Current is a scope that reads what is valid now.
func Current() func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB { return setLens(db, lensSetting{now: true}) }
}

func setLens(db *gorm.DB, l lensSetting) *gorm.DB {
	scoped.Store(true)
	db.Statement.Settings.Store(lensKey{}, l)
	return db
}

// ChangeLens changes the lens that the statement has so far.
func ChangeLens(change func(temporal.Lens) temporal.Lens) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		l := lensSetting{}
		if v, ok := db.Statement.Settings.Load(lensKey{}); ok {
			l = v.(lensSetting)
		} else if v, ok := db.Statement.Context.Value(lensKey{}).(lensSetting); ok {
			l = v
		}
		if l.now { // it must not be forgotten
			l = lensSetting{Lens: temporal.ValidAt(instantOf(db))}
		}
		l.Lens = change(l.Lens)
		return setLens(db, l)
	}
}

// ContextWithLens gives a context whose statements read through a lens.
func ContextWithLens(ctx context.Context, l temporal.Lens) context.Context {
	return context.WithValue(ctx, lensKey{}, lensSetting{Lens: l})
}

// nowKey keeps a transaction's instant.
type nowKey struct{}

// instantOf is the one instant of a transaction, or now.
func instantOf(db *gorm.DB) time.Time {
	tx, ok := resolver.Transaction(db.Statement.ConnPool)
	if !ok {
		return db.NowFunc().UTC()
	}
	if v, ok := tx.Value(nowKey{}).(time.Time); ok {
		return v
	}
	now := db.NowFunc().UTC()
	tx.SetValue(nowKey{}, now)
	return now
}

// lensOf is the lens that a statement with that stated one reads an entity through; the zero
// one sees every row. A scope wins over the context, and that over the entity's default.
func lensOf(db *gorm.DB, v *config.Validity, stated lensSetting) temporal.Lens {
	if stated.now || !stated.given && v.CurrentByDefault {
		return temporal.ValidAt(instantOf(db))
	}
	return stated.Lens
}

// see adds what the statement's lens lets through of an entity, and of the temporal
// ones that it joins, to its conditions, and gives the lens.
func (r *Runtime) see(db *gorm.DB, t *config.Table, alias string) (l temporal.Lens, err error) {
	stmt := db.Statement
	if !r.temporal {
		return l, nil
	}
	stated := statedLens(stmt)
	r.passLens(db, stated)
	if t != nil && t.Validity != nil {
		l = lensOf(db, t.Validity, stated)
		if err := checkLens(l, t); err != nil {
			return l, err
		}
		if err := r.seePreloads(stmt, t, stated, l); err != nil {
			return l, err
		}
		if l.Kind != temporal.LensAt || !r.putsTogether(stmt, t) { // else the parts are asked
			addConditions(stmt, l.Conditions(t.Validity, temporal.Target{Table: alias, Source: t.Schema.Table}))
		}
		if scoped.Load() {
			if conds, ok := stmt.Settings.Load(portionKey{}); ok {
				addConditions(stmt, conds.([]clause.Expression))
			}
		}
	}
	return l, r.seeJoined(db, stated)
}

// seeJoined puts the lens of joined temporal entities into the joins' conditions.
func (r *Runtime) seeJoined(db *gorm.DB, stated lensSetting) error {
	stmt := db.Statement
	if stmt.Schema == nil {
		return nil
	}
	for i := range stmt.Joins {
		path := relationPath(stmt.Schema, stmt.Joins[i].Name)
		if len(path) == 0 {
			continue
		}
		joined := path[len(path)-1]
		v := r.validityOf(joined)
		if v == nil {
			continue
		}
		t, _ := r.current(stmt.ConnPool).ByModel(joined.ModelType)
		l := lensOf(db, v, stated)
		if pickingOf(stmt) != nil {
			return unpickable(t, "a join of versions")
		}
		if err := checkLens(l, t); err != nil {
			return err
		}
		conds := l.Conditions(v, temporal.Target{Table: clause.CurrentTable, Source: t.Schema.Table})
		if len(conds) == 0 {
			continue
		}
		on := clause.Where{}
		if stmt.Joins[i].On != nil {
			on.Exprs = append(on.Exprs, clause.And(stmt.Joins[i].On.Exprs...))
		}
		on.Exprs = append(on.Exprs, conds...)
		stmt.Joins[i].On = &on
	}
	return nil
}

// validityOf is how a model keeps versions; nil if it doesn't.
func (r *Runtime) validityOf(s *schema.Schema) *config.Validity {
	if s == nil {
		return nil
	}
	t, ok := r.catalog.Load().ByModel(s.ModelType)
	if !ok {
		return nil
	}
	return t.Validity
}

// relationPath lists the schemas that a relation's name leads through; none if it is no
// relation.
func relationPath(s *schema.Schema, name string) (path []*schema.Schema) {
	for part := range strings.SplitSeq(name, ".") {
		rel := s.Relationships.Relations[part]
		if rel == nil {
			return nil
		}
		s = rel.FieldSchema
		path = append(path, s)
	}
	return path
}

func checkLens(l temporal.Lens, t *config.Table) error {
	err := l.Check(t.Validity)
	if v, ok := err.(*temporal.ValidityError); ok { //nolint:errorlint // as it was made
		v.Entity = t.Name
	}
	return err
}

// addConditions adds conditions that hold whatever the statement's own say: an OR among
// those must not reach them.
func addConditions(stmt *gorm.Statement, conds []clause.Expression) {
	if len(conds) == 0 {
		return
	}
	if c, ok := stmt.Clauses["WHERE"]; ok {
		if where, ok := c.Expression.(clause.Where); ok {
			for _, e := range where.Exprs {
				if or, isOr := e.(clause.OrConditions); isOr && len(or.Exprs) == 1 {
					c.Expression = clause.Where{Exprs: []clause.Expression{clause.And(where.Exprs...)}}
					stmt.Clauses["WHERE"] = c
					break
				}
			}
		}
	}
	stmt.AddClause(clause.Where{Exprs: conds})
}
