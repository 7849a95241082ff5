package callbacks

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// Rows whose tables have foreign keys, and versions, move otherwise: a copy of the row as it was would
// refer to a parent on the other shard. Its foreign key columns are copied with their
// new values, and the update then runs on the rows that moved by their primary keys. So
// are the periods of versions: the old one could break the seal of the new shard.

// carried are the columns of an entity's own foreign keys, and of its periods, that the
// update assigns, with their values.
func (w *writer) carried() (map[string]any, error) {
	keys, err := w.r.referred(w.plan.Table)
	if err != nil {
		return nil, err
	}
	values := map[string]any{}
	for _, k := range keys {
		for _, f := range k.Columns {
			v, ok := w.assigned(f.DBName)
			if !ok {
				continue
			}
			if _, computed := v.(clause.Expression); computed {
				return nil, &config.UnsupportedError{
					Entity: w.plan.Entity, Reason: "move-expression",
					Problem: "an update that moves rows to another shard and computes a column of the foreign key " + k.Name,
					Hint:    "assign a value",
				}
			}
			values[f.DBName] = v
		}
	}
	if len(values) > 0 {
		if err := w.carriedPrimary(values); err != nil {
			return nil, err
		}
	}
	if v := w.plan.Table.Validity; v != nil {
		for _, f := range v.Fields() {
			if v, ok := w.assigned(f.DBName); ok {
				if _, computed := v.(clause.Expression); !computed {
					values[f.DBName] = v
				}
			}
		}
	}
	return values, nil
}

// carriedPrimary adds what the update assigns to the primary key: a row that is copied
// with a part of its new key only could be one that is there. What is computed for other
// columns would see the new values of those that are copied.
func (w *writer) carriedPrimary(values map[string]any) error {
	for _, f := range w.plan.Table.Schema.PrimaryFields {
		v, ok := w.assigned(f.DBName)
		if !ok {
			continue
		}
		if _, computed := v.(clause.Expression); computed {
			return w.movesComputed("a column of the primary key")
		}
		values[f.DBName] = v
	}
	for _, a := range w.set {
		expr, computed := a.Value.(clause.Expr)
		if !computed {
			continue
		}
		for name := range values {
			if containsWord(expr.SQL, name) {
				return w.movesComputed("a column from one of a foreign key that it assigns, too")
			}
		}
	}
	return nil
}

func (w *writer) movesComputed(what string) error {
	return &config.UnsupportedError{
		Entity: w.plan.Entity, Reason: "move-expression",
		Problem: "an update that moves rows to another shard and computes " + what,
		Hint:    "assign a value, or assign the two in two updates of one transaction",
	}
}

// unreferred fails if rows on a shard that are about to move are referred to by rows of
// the same shard: their foreign key would no longer hold, and the move's DELETE must not
// cascade.
func (w *writer) unreferred(from *config.Shard, keys [][]any) error {
	referring, err := w.r.referring(w.plan.Table)
	if err != nil {
		return err
	}
	for _, k := range referring {
		if !k.Held {
			continue
		}
		child, known := k.ChildTable.Shard(from.ID)
		if !known {
			continue
		}
		for chunk := range slices.Chunk(keys, guardBatch) {
			on := make([]string, len(k.Columns))
			for i := range k.Columns {
				on[i] = "c." + w.r.quote(k.Columns[i].DBName) + " = p." + w.r.quote(k.References[i].DBName)
			}
			var n int64
			err := session(w.db).Raw("SELECT COUNT(*) FROM "+w.r.quote(child.Table)+" c WHERE EXISTS (SELECT 1 FROM (SELECT * FROM "+
				w.r.quote(from.Table)+" WHERE ?) p WHERE "+strings.Join(on, " AND ")+")", w.r.primaryIn(w.plan.Table.Schema.PrimaryFields, chunk)).Scan(&n).Error
			if err != nil {
				return err
			}
			if n == 0 {
				continue
			}
			if k.OnUpdate == "" || k.OnUpdate == "RESTRICT" || k.OnUpdate == "NO ACTION" {
				return violated(w.plan.Entity, w.plan.Operation, k)
			}
			return &config.UnsupportedError{
				Entity: w.plan.Entity, Reason: "move-children",
				Problem: "an update that moves rows to another shard, to which rows refer by the foreign key " + k.Name + " with ON UPDATE " + k.OnUpdate,
				Hint:    "create the row anew, move its children one by one, and delete it, in one transaction",
			}
		}
	}
	return nil
}

// selection is the select list that copies a row's columns, some with new values.
func (w *writer) selection(columns []string, values map[string]any) (list string, args []any) {
	out := slices.Clone(columns)
	for i, c := range columns {
		for name, v := range values {
			if c != w.r.quote(name) {
				continue
			}
			out[i] = "?"
			if f := w.plan.Table.Schema.LookUpField(name); f != nil && w.r.dialect.Name == "postgres" {
				plain := *f
				plain.AutoIncrement = false
				out[i] = "CAST(? AS " + w.r.dialector.DataTypeOf(&plain) + ")"
			}
			args = append(args, v)
		}
	}
	return strings.Join(out, ","), args
}

// moveCarrying moves rows whose foreign keys the update changes with their shard.
func (w *writer) moveCarrying(a *aimed, here bool, values map[string]any) error {
	w.moving, w.moved = values, nil
	dest := w.plan.Destination
	var total int64
	if here {
		target := *dest
		n, err := w.step(a, &target)
		if err != nil {
			return err
		}
		total = n
	}
	for i := range w.plan.Targets {
		t := &w.plan.Targets[i]
		if t.Shard.ID == dest.Shard.ID {
			continue
		}
		if _, err := w.moveFrom(a, t, dest.Shard); err != nil {
			return &config.ShardError{Entity: w.plan.Entity, Shard: t.Shard.ID, Operation: "move", Cause: translated(w.db, brokenSeal(w.plan.Entity, "move", err))}
		}
	}
	for chunk := range slices.Chunk(w.moved, guardBatch) {
		target := planner.Target{Shard: dest.Shard, Where: []clause.Expression{w.r.primaryIn(w.plan.Table.Schema.PrimaryFields, chunk)}}
		if _, err := w.step(a, &target); err != nil {
			return err
		}
		total += int64(len(chunk)) // they have changed, though MySQL may find nothing left to change
	}
	w.db.RowsAffected = total
	return nil
}

// noteMoved keeps the primary keys that moved rows have now.
func (w *writer) noteMoved(keys [][]any) {
	for _, key := range keys {
		now := slices.Clone(key)
		for i, f := range w.plan.Table.Schema.PrimaryFields {
			if v, ok := w.moving[f.DBName]; ok {
				now[i] = v
			}
		}
		w.moved = append(w.moved, now)
	}
}
