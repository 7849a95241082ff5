package callbacks

import (
	"fmt"
	"reflect"
	"slices"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/planner"
)

type assignment = clause.Assignment

// acts tells whether the statement demands something that the database would have done,
// had it all foreign keys: of rows that refer to its own, or to rows that the database's
// own cascades change.
func (w *writer) acts() (bool, error) {
	if w.db.DryRun {
		return false, nil
	}
	demands, err := w.r.demands(w.plan.Table.LogicalName, w.plan.Operation)
	if err != nil || !demands {
		return false, err
	}
	if w.plan.Operation == planner.Update {
		concerned := slices.ContainsFunc(w.r.foreignKeys.parent[w.plan.Table.LogicalName], func(k migrator.ForeignKey) bool { return w.assigns(k.References) })
		if !concerned {
			return false, nil
		}
	}
	s := w.r.statement(w.db.Statement, w.plan.Operation, w.plan.Table, w.alias)
	s.WriteLimits = slices.Contains(w.clauses, "LIMIT")
	return true, s.FirstRows(w.plan) // what the keys refer to are the first rows only
}

// assigns tells whether the statement assigns any of the fields.
func (w *writer) assigns(fields []*schema.Field) bool {
	return slices.ContainsFunc(fields, func(f *schema.Field) bool {
		_, ok := w.assigned(f.DBName)
		return ok
	})
}

// assignsNull tells whether the statement assigns NULL to a column that takes none: which
// MySQL sees before it looks at foreign keys, as it sees no duplicate.
func (w *writer) assignsNull() bool {
	return slices.ContainsFunc(w.set, func(a assignment) bool {
		f := w.plan.Table.Schema.LookUpField(a.Column.Name)
		return f != nil && (f.NotNull || f.PrimaryKey) && a.Value == nil
	})
}

// assigned is what the statement assigns to a column.
func (w *writer) assigned(column string) (value any, ok bool) {
	for _, a := range w.set {
		if a.Column.Name == column {
			return a.Value, true
		}
	}
	return nil, false
}

// act runs the statement, and what the foreign keys demand. All of it is one transaction.
func (w *writer) act(a *aimed) error {
	return w.r.atomically(w.db, func() error {
		c := newCollapse(w.r, w.db, w.plan.Operation, w.plan.Entity)
		c.late = w.plan.Operation == planner.Update && (w.r.dialect.Name != "mysql" || w.assignsNull())
		columns := c.columnsOf(w.plan.Table.Schema, w.assigned)
		quoted := make([]string, len(columns))
		var rows [][]any
		for t := range w.plan.Targets {
			target := &w.plan.Targets[t]
			for i, name := range columns {
				quoted[i] = w.r.quote(name)
			}
			err := w.r.within(w.db.Statement, target.Shard, func() error {
				found, err := w.lock(a, target, quoted)
				rows = append(rows, found...)
				return err
			})
			if err != nil {
				return err
			}
		}
		if err := c.add(w.plan.Table.Schema, columns, rows, w.assigned); err != nil {
			return err
		}
		return c.carryOut(func() error {
			if err := w.send(a); err != nil {
				return err
			}
			return w.db.Error
		})
	})
}

// sameValue tells whether a value read equals one that is assigned; when in doubt not.
func sameValue(read, assigned any) bool {
	if b, ok := read.([]byte); ok {
		read = string(b)
	}
	v := reflect.ValueOf(assigned)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if !v.IsValid() || v.Kind() == reflect.Struct || v.Kind() == reflect.Pointer {
		return false
	}
	return fmt.Sprint(read) == fmt.Sprint(v.Interface())
}
