package callbacks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/planner"
)

type assignment = clause.Assignment

// acting lists the foreign keys whose action the database would have carried out for
// this statement, had they not been left out.
func (w *writer) acting() ([]migrator.ForeignKey, error) {
	if w.db.DryRun {
		return nil, nil
	}
	keys, err := w.r.referring(w.plan.Table)
	if err != nil || len(keys) == 0 {
		return nil, err
	}
	var acting []migrator.ForeignKey
	for _, k := range keys {
		switch {
		case k.Held:
		case w.plan.Operation == planner.Delete && k.OnDelete != "", w.plan.Operation == planner.Update && k.OnUpdate != "" && w.assigns(k.References):
			acting = append(acting, k)
		}
	}
	if len(acting) == 0 {
		return nil, nil
	}
	s := w.r.statement(w.db.Statement, w.plan.Operation, w.plan.Table, w.alias)
	s.WriteLimits = slices.Contains(w.clauses, "LIMIT")
	return acting, s.FirstRows(w.plan) // what the keys refer to are the first rows only
}

// assigns tells whether the statement assigns any of the fields.
func (w *writer) assigns(fields []*schema.Field) bool {
	return slices.ContainsFunc(fields, func(f *schema.Field) bool {
		_, ok := w.assigned(f.DBName)
		return ok
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

// act runs the statement, and what the foreign keys demand: RESTRICT and NO ACTION
// before it, CASCADE and SET NULL after it, so that a row that refers to itself is gone
// by then. All of it is one transaction.
func (w *writer) act(a *aimed, keys []migrator.ForeignKey) error {
	return w.r.atomically(w.db, func() error {
		values := make([][][]any, len(keys))
		for i, k := range keys {
			for t := range w.plan.Targets {
				found, err := w.referredValues(a, &w.plan.Targets[t], k)
				if err != nil {
					return err
				}
				values[i] = append(values[i], found...)
			}
			if w.plan.Operation == planner.Update || k.OnDelete == "RESTRICT" || k.OnDelete == "NO ACTION" {
				if err := w.restrict(k, values[i]); err != nil {
					return err
				}
			}
		}
		if err := w.send(a); err != nil || w.db.Error != nil {
			return err
		}
		if w.plan.Operation == planner.Update {
			return nil
		}
		for i, k := range keys {
			if err := w.cascade(k, values[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// referredValues are the values that the foreign key refers to of the rows that the
// statement is about; those that an update leaves as they are, not.
func (w *writer) referredValues(a *aimed, target *planner.Target, k migrator.ForeignKey) ([][]any, error) {
	quoted := make([]string, len(k.References))
	for i, f := range k.References {
		quoted[i] = w.r.quote(f.DBName)
	}
	var rows [][]any
	err := w.r.within(w.db.Statement, target.Shard, func() (err error) {
		rows, err = w.lock(a, target, quoted)
		return err
	})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(rows, func(row []any) bool {
		same := w.plan.Operation == planner.Update
		for i, f := range k.References {
			if row[i] == nil {
				return true // nobody refers to NULL
			}
			if v, ok := w.assigned(f.DBName); ok {
				same = same && sameValue(row[i], v)
			}
		}
		return same
	}), nil
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

// restrict fails if any row refers to the values.
func (w *writer) restrict(k migrator.ForeignKey, values [][]any) error {
	for chunk := range slices.Chunk(values, guardBatch) {
		var n int64
		if err := w.children(k, chunk).Count(&n).Error; err != nil {
			return err
		}
		switch {
		case n == 0:
		case w.plan.Operation == planner.Update && k.OnUpdate != "RESTRICT" && k.OnUpdate != "NO ACTION":
			return &config.UnsupportedError{
				Entity: w.plan.Entity, Reason: "foreign-key-update",
				Problem: "an update of columns that rows refer to by the foreign key " + k.Name + " with ON UPDATE " + k.OnUpdate + ", which no shard has",
				Hint:    "change the rows that refer to it yourself, in one transaction",
			}
		default:
			return w.violated(k)
		}
	}
	return nil
}

// violated is the error of a row that is still referred to.
func (w *writer) violated(k migrator.ForeignKey) error {
	return &config.ShardError{
		Entity: w.plan.Entity, Operation: w.plan.Operation.String(), Cause: gorm.ErrForeignKeyViolated,
		Hint: "rows of " + k.Child.Table + " refer to it by the foreign key " + k.Name,
	}
}

// children are the rows that refer to the values; those of an entity by a routed
// session, as the database would do it: without hooks, soft deleted ones included.
func (w *writer) children(k migrator.ForeignKey, values [][]any) *gorm.DB {
	tx := w.db.Session(&gorm.Session{NewDB: true, Context: w.db.Statement.Context, SkipHooks: true})
	tx.Error = nil
	if k.ChildTable != nil {
		tx = tx.Model(reflect.New(k.ChildTable.ModelType).Interface()).Unscoped()
	} else {
		tx = tx.Table(k.Child.Table)
	}
	return tx.Where(w.r.primaryIn(k.Columns, values))
}

// cascade deletes the rows that refer to the values, or sets their columns NULL.
func (w *writer) cascade(k migrator.ForeignKey, values [][]any) error {
	for chunk := range slices.Chunk(values, guardBatch) {
		var err error
		tx := w.children(k, chunk)
		switch {
		case k.OnDelete == "SET NULL":
			nulls := map[string]any{}
			for _, f := range k.Columns {
				nulls[f.DBName] = nil
			}
			err = tx.UpdateColumns(nulls).Error
		case k.OnDelete != "CASCADE":
		case k.ChildTable != nil:
			err = tx.Delete(reflect.New(k.ChildTable.ModelType).Interface()).Error
		default:
			err = session(w.db).Exec("DELETE FROM "+w.r.quote(k.Child.Table)+" WHERE ?", w.r.primaryIn(k.Columns, chunk)).Error
		}
		if err != nil {
			return fmt.Errorf("on delete %s of foreign key %s: %w", strings.ToLower(k.OnDelete), k.Name, err)
		}
	}
	return nil
}
