package planner

import (
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// PlanRead plans a read.
func PlanRead(s *Statement) (*Plan, error) {
	return &Plan{Operation: s.Operation, Entity: s.Table.Name, Table: s.Table, Epoch: s.Epoch, Form: Union}, nil
}

// PlanWrite plans an update (set not nil) or a delete.
func PlanWrite(s *Statement, set clause.Set) (*Plan, error) {
	return &Plan{Operation: s.Operation, Entity: s.Table.Name, Table: s.Table, Epoch: s.Epoch, Form: Steps}, nil
}

// PlanInsert plans an insert.
func PlanInsert(s *Statement, values *clause.Values) (*Plan, error) {
	return &Plan{Operation: s.Operation, Entity: s.Table.Name, Table: s.Table, Epoch: s.Epoch, Form: Steps}, nil
}

// Extract reads a WHERE clause.
func Extract(t *config.Table, alias string, d Dialect, where []clause.Expression) Predicate {
	return Predicate{ID: config.Full()}
}

// CheckUpsert tells whether an upsert is exact over shards.
func CheckUpsert(t *config.Table, onConflict clause.OnConflict) error { return nil }
