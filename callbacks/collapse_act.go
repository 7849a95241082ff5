package callbacks

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/migrator"
	"github.com/go-dtde/dtde/planner"
)

// carryOut runs the statement, and what the foreign keys demand: RESTRICT and NO ACTION
// before it, CASCADE and SET NULL after it, so that a row that refers to itself is gone
// by then.
func (c *collapse) carryOut(send func() error) error {
	restrict := func() error {
		for i, k := range c.keys {
			if c.op == planner.Update || k.OnDelete == "RESTRICT" || k.OnDelete == "NO ACTION" {
				if err := c.restrict(k, c.values[i]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if !c.late {
		if err := restrict(); err != nil {
			return err
		}
	}
	if err := send(); err != nil {
		return err
	}
	if c.op == planner.Update {
		if c.late {
			return restrict()
		}
		return nil
	}
	for i, k := range c.keys {
		if err := c.cascade(k, c.values[i]); err != nil {
			return err
		}
	}
	return nil
}

// restrict fails if any row refers to the values.
func (c *collapse) restrict(k migrator.ForeignKey, values [][]any) error {
	for chunk := range slices.Chunk(values, guardBatch) {
		var n int64
		if err := c.children(k, chunk).Count(&n).Error; err != nil {
			return err
		}
		switch {
		case n == 0:
		case c.op == planner.Update && k.OnUpdate != "RESTRICT" && k.OnUpdate != "NO ACTION":
			return &config.UnsupportedError{
				Entity: c.entity, Reason: "foreign-key-update",
				Problem: "an update of columns that rows refer to by the foreign key " + k.Name + " with ON UPDATE " + k.OnUpdate + ", which no shard has",
				Hint:    "change the rows that refer to it yourself, in one transaction",
			}
		default:
			return violated(c.entity, c.op, k)
		}
	}
	return nil
}

// violated is the error of a row that is still referred to.
func violated(entity string, op planner.Operation, k migrator.ForeignKey) error {
	return &config.ShardError{
		Entity: entity, Operation: op.String(), Cause: gorm.ErrForeignKeyViolated,
		Hint: "rows of " + k.Child.Table + " refer to it by the foreign key " + k.Name,
	}
}

// cascade deletes the rows that refer to the values, or sets their columns NULL.
func (c *collapse) cascade(k migrator.ForeignKey, values [][]any) error {
	for chunk := range slices.Chunk(values, guardBatch) {
		var err error
		tx := c.children(k, chunk)
		switch {
		case k.OnDelete == "SET NULL":
			nulls := map[string]any{}
			for _, f := range k.Columns {
				nulls[f.DBName] = nil
			}
			err = tx.UpdateColumns(nulls).Error
		case k.OnDelete != "CASCADE":
		case k.ChildTable != nil || c.r.foreignKeys.deletes[k.Child.Table]:
			err = tx.Delete(reflect.New(k.Child.ModelType).Interface()).Error
		default:
			err = session(c.db).Exec("DELETE FROM "+c.r.quote(k.Child.Table)+" WHERE ?", c.r.primaryIn(k.Columns, chunk)).Error
		}
		if err != nil {
			return fmt.Errorf("on delete %s of foreign key %s: %w", strings.ToLower(k.OnDelete), k.Name, err)
		}
	}
	return nil
}
