package callbacks

import (
	"database/sql"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// move carries out an update that assigns the shard key. Rows that it matches on
// other shards than the key's new one are locked, copied there as they are, and
// deleted; then the update runs there. All of it is one transaction, and every row
// keeps its primary key.
func (w *writer) move(a *aimed) error {
	stmt := w.db.Statement
	dest := w.plan.Destination
	if err := w.r.claim(stmt.Context, stmt.ConnPool, w.plan.Table); err != nil {
		return err
	}
	if dest.New {
		if err := w.r.ensureShards(stmt.Context, stmt.ConnPool, w.plan.Table, []string{dest.Shard.ID}); err != nil {
			return err
		}
	}
	here := slices.ContainsFunc(w.plan.Targets, func(t planner.Target) bool { return t.Shard.ID == dest.Shard.ID })
	if here && w.pinsPrimary(a) && !w.plan.Table.LocalUnique[config.LocalPrimary] {
		// a primary key is on one shard only: if the row is here, it moves from nowhere
		n, err := w.step(a, dest)
		if err != nil || n > 0 || len(w.rows) > 0 && w.returned() > 0 {
			w.db.RowsAffected = n
			return err
		}
		w.rows = nil
	}
	if values, err := w.carried(); err != nil || len(values) > 0 {
		if err != nil {
			return err
		}
		return w.moveCarrying(a, here, values)
	}
	moved := false
	for i := range w.plan.Targets {
		t := &w.plan.Targets[i]
		if t.Shard.ID == dest.Shard.ID {
			continue
		}
		some, err := w.moveFrom(a, t, dest.Shard)
		if err != nil {
			return &config.ShardError{Entity: w.plan.Entity, Shard: t.Shard.ID, Operation: "move", Cause: brokenSeal(w.plan.Entity, "move", err)}
		}
		moved = moved || some
	}
	if !here && !moved {
		w.db.RowsAffected = 0
		return nil
	}
	target := *dest
	target.Where = nil // the caller's own conditions: rows that came from elsewhere meet them, too
	n, err := w.step(a, &target)
	w.db.RowsAffected = n
	return err
}

// returned is the number of rows that RETURNING has given so far.
func (w *writer) returned() int {
	n := 0
	for _, src := range w.rows {
		if c, ok := src.(merge.Counted); ok {
			n += c.Len()
		}
	}
	return n
}

// pinsPrimary tells whether the conditions name the whole primary key by equality.
func (w *writer) pinsPrimary(a *aimed) bool {
	where, _ := a.where.Expression.(clause.Where)
	fields := w.plan.Table.Schema.PrimaryFields
	pinned := map[string]bool{}
	for _, e := range where.Exprs {
		if or, isOr := e.(clause.OrConditions); isOr && len(or.Exprs) == 1 {
			return false
		}
		if eq, ok := e.(clause.Eq); ok && eq.Value != nil {
			pinned[w.columnName(eq.Column)] = true
		}
	}
	for _, f := range fields {
		if !pinned[f.DBName] {
			return false
		}
	}
	return len(fields) > 0
}

// columnName is the plain name of a column in a condition.
func (w *writer) columnName(c any) string {
	switch c := c.(type) {
	case string:
		return c
	case clause.Column:
		if c.Name == clause.PrimaryKey && w.plan.Table.Schema.PrioritizedPrimaryField != nil {
			return w.plan.Table.Schema.PrioritizedPrimaryField.DBName
		}
		return c.Name
	}
	return ""
}

// moveFrom moves the rows that the update matches on one shard.
func (w *writer) moveFrom(a *aimed, from *planner.Target, to *config.Shard) (some bool, err error) {
	r, fields := w.r, w.plan.Table.Schema.PrimaryFields
	leave, err := r.visit(w.db.Statement, from.Shard)
	defer leave()
	if err != nil {
		return false, err
	}
	quoted := make([]string, len(fields))
	for i, f := range fields {
		quoted[i] = r.quote(f.DBName)
	}
	keys, err := w.lock(a, from, quoted)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	if w.plan.Table.IDShard != nil {
		return false, &config.ShardError{
			Entity: w.plan.Entity, Shard: from.Shard.ID, Operation: "move", Cause: config.ErrShardKeyChanged,
			Hint: "the row's id carries its slot, so that it would no longer be found by its id: delete it and create it anew",
		}
	}
	if err := w.unreferred(from.Shard, keys); err != nil {
		return false, err
	}
	columns, err := w.physicalColumns(from.Shard)
	if err != nil {
		return false, err
	}
	list := strings.Join(columns, ",")
	selected, values := w.selection(columns, w.moving)
	for chunk := range slices.Chunk(keys, guardBatch) {
		in := r.primaryIn(fields, chunk)
		copying := "INSERT INTO " + r.quote(to.Table) + " (" + list + ") SELECT " + selected + " FROM " + r.quote(from.Shard.Table) + " WHERE ?"
		if r.identity(w.plan.Table) != nil {
			copying = r.identityInsert(to, "ON") + copying + ";" + r.identityInsert(to, "OFF")
		}
		var copied *gorm.DB
		if from.Shard.Database == to.Database {
			copied = session(w.db).Exec(copying, append(slices.Clone(values), in)...)
		} else {
			copied = w.carryOver(from.Shard, to, columns, selected, append(slices.Clone(values), in))
		}
		if copied.Error != nil {
			return false, copied.Error
		}
		gone := session(w.db).Exec("DELETE FROM "+r.quote(from.Shard.Table)+" WHERE ?", in)
		if gone.Error != nil {
			return false, gone.Error
		}
		if copied.RowsAffected != int64(len(chunk)) || gone.RowsAffected != int64(len(chunk)) {
			return false, &config.ShardError{
				Entity: w.plan.Entity, Shard: from.Shard.ID, Operation: "move", Cause: config.ErrShardKeyChanged,
				Hint: "rows changed while they were moved: try the transaction again",
			}
		}
	}
	w.noteMoved(keys)
	w.shifted = true
	return true, nil
}

// lock finds the primary keys of the rows that the update matches, and locks them
// where the engine has row locks.
func (w *writer) lock(a *aimed, from *planner.Target, primary []string) ([][]any, error) {
	stmt := w.db.Statement
	if err := w.lockText(a, from, primary); err != nil {
		return nil, err
	}
	rows, err := stmt.ConnPool.QueryContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
	stmt.SQL.Reset()
	stmt.Vars = nil
	if err != nil {
		return nil, err
	}
	return allRows(rows)
}

// lockText writes the statement that lock sends into the caller's own.
func (w *writer) lockText(a *aimed, from *planner.Target, primary []string) error {
	stmt, r := w.db.Statement, w.r
	stmt.SQL.Reset()
	stmt.Vars = nil
	stmt.Table, stmt.TableExpr = w.alias, r.asTable(from.Shard, w.alias)
	stmt.Clauses["WHERE"] = a.where
	if from.Where != nil {
		stmt.Clauses["WHERE"] = clause.Clause{Name: "WHERE", Expression: clause.Where{Exprs: from.Where}}
	}
	for i := range primary {
		primary[i] = r.quote(w.alias) + "." + primary[i]
	}
	stmt.SQL.WriteString("SELECT " + strings.Join(primary, ",") + " FROM " + stmt.TableExpr.SQL)
	if r.dialect.Name == "sqlserver" {
		stmt.SQL.WriteString(" WITH (UPDLOCK, HOLDLOCK)")
	}
	if a.had {
		stmt.SQL.WriteByte(' ')
		stmt.Build("WHERE")
		if err := r.settleWhere(stmt, from.Shard.Database); err != nil {
			return err
		}
	}
	if r.locksRows() {
		stmt.SQL.WriteString(" FOR UPDATE")
	}
	return nil
}

// locksRows tells whether a SELECT locks what it finds by FOR UPDATE.
func (r *Runtime) locksRows() bool { return r.dialect.Name == "postgres" || r.dialect.Name == "mysql" }

// allRows reads rows as the driver gives them, and closes them.
func allRows(rows *sql.Rows) (all [][]any, err error) {
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row, cells := make([]any, len(columns)), make([]any, len(columns))
		for i := range cells {
			cells[i] = &row[i]
		}
		if err := rows.Scan(cells...); err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// physicalColumns are all columns that the shard's table really has, quoted: more,
// perhaps, than the model's.
func (w *writer) physicalColumns(s *config.Shard) ([]string, error) {
	rows, err := session(w.db).Raw("SELECT * FROM " + w.r.quote(s.Table) + " WHERE 1 = 0").Rows()
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	for i := range columns {
		columns[i] = w.r.quote(columns[i])
	}
	return columns, err
}
