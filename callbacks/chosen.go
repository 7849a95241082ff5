package callbacks

import (
	"slices"
	"time"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// One table's conditions are met by the rows as they are before the statement. Shard by
// shard, a subquery of a later step would see what an earlier one has changed: rows of the
// entity itself, and children that the database's own cascades have taken along. The rows
// of such a write are chosen first, in all shards, and then written by their keys.

// chosenReason says so of a plan.
const chosenReason = "the rows are chosen in all shards, since subqueries read what steps change, then written by their keys, in one transaction"

// changed is what the steps of a write change.
type changed struct {
	tables []*config.Table
	// all tells that the tables are the program's own: what else the database changes along
	// with them, nobody has said.
	all bool
}

// changes finds the entities whose rows a write changes: its own, and those that the
// database's cascades lead to.
func (r *Runtime) changes(t *config.Table, op planner.Operation, assigns func([]*schema.Field) bool) (changed, error) {
	c := changed{tables: []*config.Table{t}, all: op == planner.Delete && !t.Migrations}
	if _, err := r.ForeignKeys(); err != nil {
		return c, err
	}
	acts := func(action string) bool { return action != "" && action != "RESTRICT" && action != "NO ACTION" }
	for i := 0; i < len(c.tables); i++ {
		for _, k := range r.foreignKeys.parent[c.tables[i].LogicalName] {
			if k.ChildTable == nil || slices.Contains(c.tables, k.ChildTable) {
				continue
			}
			if k.Held && (acts(k.OnDelete) && (op == planner.Delete || i > 0) || acts(k.OnUpdate) && (i > 0 || assigns(k.References))) {
				c.tables = append(c.tables, k.ChildTable)
			}
		}
	}
	return c, nil
}

// readBy tells whether the text of one of several steps reads what another one changes.
func (c changed) readBy(s shardSQL, shards []*config.Shard) bool {
	switch {
	case !containsWord(s.text, "select"):
		return false
	case c.all:
		return true
	}
	for _, other := range shards {
		if other == s.shard { // another step on the same shard; its own name is no reading
			continue
		}
		for _, t := range c.tables {
			changes, known := t.Shard(other.ID)
			if known && changes.Database == s.shard.Database && containsWord(s.text, changes.Name()) {
				return true
			}
		}
	}
	return c.readAgain(s, shards)
}

// readAgain is [changed.readBy] of several steps on the shard of s.
func (c changed) readAgain(s shardSQL, shards []*config.Shard) bool {
	steps := 0
	for _, other := range shards {
		if other == s.shard {
			steps++
		}
	}
	if steps < 2 {
		return false
	}
	for i, t := range c.tables {
		own, known := t.Shard(s.shard.ID)
		if !known {
			continue
		}
		at := indexWord(s.text, own.Name())
		if at >= 0 && i == 0 { // where it is written to
			at = indexWord(s.text[at+len(own.Name()):], own.Name())
		}
		if at >= 0 {
			return true
		}
	}
	return false
}

// stepShards are the shards of the steps, and where rows move to.
func stepShards(p *planner.Plan) []*config.Shard {
	shards := p.Shards()
	if p.Destination != nil {
		shards = append(shards, p.Destination.Shard)
	}
	return shards
}

// reads tells whether the text of a step reads what the write changes elsewhere.
func (w *writer) reads(s shardSQL) (bool, error) {
	if !containsWord(s.text, "select") {
		return false, nil
	}
	c, err := w.r.changes(w.plan.Table, w.plan.Operation, w.assigns)
	return err == nil && c.readBy(s, stepShards(w.plan)), err
}

// chooses tells whether the rows have to be chosen before any is written.
func (w *writer) chooses(a *aimed) (bool, error) {
	stmt := w.db.Statement
	if w.chosen || w.plan.First || !subtext(stmt) && !nested(stmt) {
		return false, nil
	}
	if w.plan.Moves { // its conditions are read once for each shard, and once more where the rows go to
		return true, nil
	}
	sent := w.plan.Statements
	defer func() { w.plan.Statements = sent }()
	for i := range w.plan.Targets {
		target := &w.plan.Targets[i]
		var reads bool
		err := w.r.within(stmt, target.Shard, func() (err error) {
			if w.deletesByAlias() { // where the DELETE itself can't name its table
				s, err := w.chooseText(a, target)
				if err != nil || w.reusesTable(s) {
					reads = err == nil
					return err
				}
			}
			if s := w.buildStep(a, target); w.db.Error == nil {
				reads, err = w.reads(s)
			}
			return err
		})
		stmt.SQL.Reset()
		stmt.Vars = nil
		if reads || err != nil || w.db.Error != nil {
			return reads, err
		}
	}
	return false, nil
}

// deletesByAlias tells a DELETE that MySQL and MariaDB do not take where it also reads its
// table: one in the multi-table form, which alone has an alias.
func (w *writer) deletesByAlias() bool {
	return w.r.dialect.Name == "mysql" && w.plan.Operation == planner.Delete
}

// reusesTable tells whether a step by an alias reads its own table.
func (w *writer) reusesTable(s shardSQL) bool {
	name := s.shard.Name()
	at := indexWord(s.text, name)
	return at >= 0 && containsWord(s.text[at+len(name):], name)
}

// choose finds and locks the rows in all shards, and has do write them by their keys.
func (w *writer) choose(a *aimed, do func() error) error {
	fields := w.plan.Table.Schema.PrimaryFields
	if len(fields) == 0 {
		return writesWhatItReads(w.plan)
	}
	w.chosen = true
	w.plan.FormReason = chosenReason
	if w.db.DryRun {
		return w.chooseDry(a)
	}
	return w.r.atomically(w.db, func() error {
		if err := w.r.claim(w.db.Statement.Context, w.db.Statement.ConnPool, w.plan.Table); err != nil {
			return err
		}
		var keys []firstKey
		for i := range w.plan.Targets {
			some, err := w.chooseOn(a, i)
			if err != nil {
				return err
			}
			if keys = append(keys, some...); len(keys) > w.r.config.MaxBufferedRows {
				return mergeError(merge.ErrTooManyRows)
			}
		}
		whole, where, had := w.plan, a.where, a.had
		defer func() {
			whole.Statements = append(whole.Statements, w.plan.Statements...)
			w.plan, a.where, a.had = whole, where, had
		}()
		w.narrow(a, keys)
		if len(w.plan.Targets) == 0 {
			w.db.RowsAffected = 0
			return w.returnNothing()
		}
		return do()
	})
}

// chooseOn finds and locks the rows of one target.
func (w *writer) chooseOn(a *aimed, at int) (keys []firstKey, err error) {
	stmt, target := w.db.Statement, &w.plan.Targets[at]
	leave, err := w.r.visit(stmt, target.Shard)
	defer leave()
	if err != nil {
		return nil, err
	}
	s, err := w.chooseText(a, target)
	if err != nil {
		return nil, err
	}
	w.plan.Sent(target.Shard, s.text, len(s.vars))
	began := time.Now()
	rows, err := stmt.ConnPool.QueryContext(stmt.Context, s.text, s.vars...)
	if err == nil {
		var found [][]any
		if found, err = allRows(rows); err == nil {
			for _, key := range found {
				for i, f := range w.plan.Table.Schema.PrimaryFields {
					key[i] = bindable(f, key[i])
				}
				keys = append(keys, firstKey{at, key})
			}
		}
	}
	w.r.trace(w.db, began, s, int64(len(keys)), err)
	if err != nil {
		return nil, &config.ShardError{
			Entity: w.plan.Entity, Shard: target.Shard.ID, Operation: w.plan.Operation.String(),
			Cause: translated(w.db, explained(w.plan.Entity, w.plan.Operation.String(), err)),
		}
	}
	return keys, nil
}

// chooseText is the statement that finds and locks the rows of one target.
func (w *writer) chooseText(a *aimed, target *planner.Target) (shardSQL, error) {
	stmt, primary := w.db.Statement, w.plan.Table.Schema.PrimaryFields
	columns := make([]string, len(primary))
	for i, f := range primary {
		columns[i] = w.r.quote(f.DBName)
	}
	err := w.lockText(a, target, columns)
	if err == nil {
		err = ownError(w.db, w.db.Error)
	}
	if w.r.refusedInside(w.db) {
		err = w.db.Error
	}
	s := shardSQL{target.Shard, stmt.SQL.String(), stmt.Vars}
	stmt.SQL.Reset()
	stmt.Vars = nil
	return s, err
}

// chooseDry leaves the statements that find the rows, and each shard's own without any key.
func (w *writer) chooseDry(a *aimed) error {
	stmt := w.db.Statement
	w.sqls = nil
	w.plan.Statements = nil
	for i := range w.plan.Targets {
		s, err := w.chooseText(a, &w.plan.Targets[i])
		if err != nil || w.db.Error != nil {
			return ownError(w.db, err)
		}
		w.plan.Sent(s.shard, s.text, len(s.vars))
		w.sqls = append(w.sqls, s)
	}
	for i := range w.plan.Targets {
		target := planner.Target{Shard: w.plan.Targets[i].Shard, Where: []clause.Expression{w.r.primaryIn(w.plan.Table.Schema.PrimaryFields[:1], nil)}}
		w.sqls = append(w.sqls, w.build(a, &target))
	}
	stmt.Vars = nil
	setText(stmt, w.r.explainAll(w.sqls))
	return nil
}

// writesWhatItReads refuses steps on several shards that read one another's rows.
func writesWhatItReads(p *planner.Plan) error {
	return &config.UnsupportedError{
		Entity: p.Entity, Reason: "write-subquery",
		Problem: p.Operation.String() + " over several shards with a subquery that would see what the first shards' steps have changed",
		Hint:    "read the value, or select the rows' ids, first, or narrow it to one shard",
	}
}
