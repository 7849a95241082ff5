package callbacks

import (
	"maps"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// A young table is one that was made, on another connection, after a MySQL or MariaDB
// transaction began. The transaction can insert there, but every read of it, locking
// or not, is error 1412: the table is younger than its snapshot. So that given primary
// keys can still be looked for, what others committed there is read on another
// connection, and what the transaction itself inserted is kept with it.

// youngKey finds, in a transaction, the young tables with the primary keys that were
// inserted there. The maps do not change: rolling back to a save point brings the
// earlier ones back.
type youngKey struct{}

type youngKeys map[string]map[string]bool

func young(pool gorm.ConnPool) (tx *resolver.Tx, tables youngKeys) {
	tx, ok := resolver.Transaction(pool)
	if !ok {
		return nil, nil
	}
	tables, _ = tx.Value(youngKey{}).(youngKeys)
	return tx, tables
}

// youngTables notes tables that were just made.
func youngTables(tx *resolver.Tx, t *config.Table, ids []string) {
	before, _ := tx.Value(youngKey{}).(youngKeys)
	next := youngKeys{}
	maps.Copy(next, before)
	for _, id := range ids {
		next[t.ShardTable(id).Table] = map[string]bool{}
	}
	tx.SetValue(youngKey{}, next)
}

// noteInserted keeps the primary keys that were inserted into young tables.
func (c *creation) noteInserted(p *planner.Plan) {
	if c.r.dialect.Name != "mysql" || c.db.DryRun || c.db.Error != nil {
		return
	}
	tx, tables := young(c.db.Statement.ConnPool)
	if len(tables) == 0 {
		return
	}
	next := maps.Clone(tables)
	for i := range p.Targets {
		keys, ok := next[p.Targets[i].Shard.Table]
		if !ok {
			continue
		}
		keys = maps.Clone(keys)
		for _, row := range p.Targets[i].Rows {
			keys[c.primaryText(row)] = true
		}
		next[p.Targets[i].Shard.Table] = keys
	}
	tx.SetValue(youngKey{}, next)
}

// youngError says what to do about error 1412, which is all that MySQL and MariaDB have
// to say of a table younger than the transaction's snapshot.
func youngError(entity string, err error) error {
	if err == nil || !strings.HasPrefix(err.Error(), "Error 1412 ") {
		return err
	}
	return joinErrors(&config.UnsupportedError{
		Entity: entity, Reason: "young-table",
		Problem: "a read of a shard's table that was made after the transaction's snapshot was taken",
		Hint:    "call EnsureShards ahead, or begin the transaction at READ COMMITTED",
	}, err)
}

// besideSnapshot tells whether a shard is to be looked into apart from the others, by a
// session of its own that is not in the transaction, and which of the rows' keys, inserted
// by the transaction itself, that session does not see.
func (c *creation) besideSnapshot(s *config.Shard, rows []int) (tx *gorm.DB, unseen []string, apart bool, err error) {
	if c.r.dialect.Name != "mysql" {
		return nil, nil, false, nil
	}
	_, tables := young(c.db.Statement.ConnPool)
	keys, isYoung := tables[s.Table]
	if !isYoung {
		return nil, nil, false, nil
	}
	tx = c.r.root.Session(&gorm.Session{NewDB: true, Context: c.db.Statement.Context, Logger: c.db.Logger})
	if tx.Statement.ConnPool, err = resolver.On(c.r.pool, s.Database); err != nil {
		return nil, nil, false, err
	}
	for _, row := range rows {
		if k := c.primaryText(row); keys[k] {
			unseen = append(unseen, k)
		}
	}
	return tx, unseen, true, nil
}
