package callbacks

import (
	"strings"
	"sync/atomic"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// keysets tells that After was ever asked for in this process: before that no
// statement has a cursor.
var keysets atomic.Bool

// After is a scope that reads the rows behind a cursor; "" is the first page.
func After(cursor string) func(*gorm.DB) *gorm.DB {
	return func(db *gorm.DB) *gorm.DB {
		if _, ok := db.Config.Plugins["dtde"]; !ok {
			_ = db.AddError(&config.ConfigError{Problem: "After needs dtde on this *gorm.DB: call db.Use first"})
			return db
		}
		if IsElsewhere(db) {
			_ = db.AddError(ErrElsewhere)
			return db
		}
		keysets.Store(true)
		return changeScope(db, func(s *scope) { s.after = &cursor })
	}
}

// keysetCarrier keeps the order of a statement with After among its clauses, for
// CursorOf.
const keysetCarrier = "dtde:keyset"

// carriedKeyset is that order as a clause that is never built.
type carriedKeyset struct{ *planner.Keyset }

// Build writes nothing.
func (carriedKeyset) Build(clause.Builder) {}

// afterCursor gives a statement with After its condition and the rest of its order.
// Statements that do not read rows are refused: without the condition they would mean
// all of them.
func (r *Runtime) afterCursor(db *gorm.DB, reads bool) {
	stmt := db.Statement
	if !keysets.Load() || db.Error != nil {
		return
	}
	sc, ok := loadScope(stmt)
	if !ok || sc.after == nil {
		return
	}
	bindScope(stmt)
	if !reads || stmt.SQL.Len() > 0 || stmt.Schema == nil && stmt.Table == "" {
		fail(db, &config.UnsupportedError{
			Reason: "cursor-statement", Problem: "a cursor with a statement other than the builder's reads",
			Hint: "read the page, then write its rows by their keys",
		})
		return
	}
	s, err := r.keysetStatement(stmt)
	var k *planner.Keyset
	if err == nil {
		k, err = s.Keyset()
	}
	if err != nil {
		fail(db, err)
		return
	}
	if *sc.after != "" {
		values, err := decodeCursor(s.Table.Name, *sc.after, orderDigest(s.Table.LogicalName, k), len(k.Columns))
		if err != nil {
			fail(db, err)
			return
		}
		addCondition(stmt, k.After(values, s.Alias, r.dialect))
	}
	if k.Appended > 0 {
		stmt.AddClause(k.OrderBy(s.Alias))
	}
	stmt.Clauses[keysetCarrier] = clause.Clause{Expression: carriedKeyset{k}}
}

// keysetStatement translates a statement, also one of a model that dtde does not own.
func (r *Runtime) keysetStatement(stmt *gorm.Statement) (*planner.Statement, error) {
	t, alias := r.owned(stmt)
	if t == nil {
		if stmt.Schema == nil {
			return nil, &config.UnsupportedError{
				Reason: "cursor-shape", Problem: "a cursor over a table without a model", Hint: "name the model by db.Model",
			}
		}
		t = &config.Table{Name: stmt.Schema.Name, LogicalName: stmt.Schema.Table, Schema: stmt.Schema, ModelType: stmt.Schema.ModelType}
		alias = stmt.Table
	}
	s := r.statement(stmt, planner.Select, t, alias)
	s.Joins = s.Joins && !r.joinsOwners(stmt)
	return &s, nil
}

// joinsOwners tells whether a statement joins nothing but what its rows belong to, by its
// primary key: then each row is still there once at most.
func (r *Runtime) joinsOwners(stmt *gorm.Statement) bool {
	if stmt.Schema == nil {
		return false
	}
	for i := range stmt.Joins {
		if stmt.Joins[i].Expression != nil {
			return false
		}
		at := stmt.Schema
		for _, name := range strings.Split(stmt.Joins[i].Name, ".") {
			rel := at.Relationships.Relations[name]
			if rel == nil || rel.Type != schema.BelongsTo || len(rel.References) != len(rel.FieldSchema.PrimaryFields) {
				return false
			}
			for _, ref := range rel.References {
				if ref.PrimaryKey == nil || !ref.PrimaryKey.PrimaryKey {
					return false
				}
			}
			at = rel.FieldSchema
			if t, owned := r.current(stmt.ConnPool).ByModel(at.ModelType); owned && t.LocalUnique[config.LocalPrimary] {
				return false
			}
		}
	}
	return true
}

// addCondition puts a condition beside all that the caller's have, also where they end
// in OR.
func addCondition(stmt *gorm.Statement, condition clause.Expression) {
	if c, ok := stmt.Clauses["WHERE"]; ok {
		if w, ok := c.Expression.(clause.Where); ok && len(w.Exprs) > 1 {
			exprs := append([]clause.Expression(nil), w.Exprs...)
			for i, e := range exprs { // GORM begins with the first that is no Or
				if or, ok := e.(clause.OrConditions); !ok || len(or.Exprs) > 1 {
					exprs[0], exprs[i] = exprs[i], exprs[0]
					break
				}
			}
			c.Expression = clause.Where{Exprs: []clause.Expression{clause.And(exprs...)}}
			stmt.Clauses["WHERE"] = c
		}
	}
	stmt.AddClause(clause.Where{Exprs: []clause.Expression{condition}})
}
