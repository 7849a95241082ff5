package callbacks

import (
	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// hold locks the rows that an upsert found on other shards than its own rows', until its
// transaction ends. Were one deleted meanwhile, the upsert would insert its row there, where
// it does not belong.
func (c *creation) hold(p *planner.Plan) error {
	stmt, primary := c.db.Statement, c.table.Schema.PrimaryFields
	if err := c.r.claim(stmt.Context, stmt.ConnPool, c.table); err != nil {
		return err
	}
	for i := range p.Targets {
		shard := p.Targets[i].Shard
		wanted := map[string]bool{}
		var keys [][]any
		for _, row := range p.Targets[i].Rows {
			if text := c.primaryText(row); c.held[row] == shard.ID && !wanted[text] {
				wanted[text] = true
				key := make([]any, len(primary))
				for k, f := range primary {
					key[k], _, _ = c.rows.get(row, f)
				}
				keys = append(keys, key)
			}
		}
		for from := 0; from < len(keys); from += guardBatch {
			if err := c.holdOn(shard, keys[from:min(from+guardBatch, len(keys))]); err != nil {
				return err
			}
		}
	}
	return nil
}

// holdOn locks rows of one shard.
func (c *creation) holdOn(shard *config.Shard, keys [][]any) error {
	primary := c.table.Schema.PrimaryFields
	pool, err := resolver.On(c.db.Statement.ConnPool, shard.Database)
	if err != nil {
		return err
	}
	text := "SELECT " + c.r.quoted(primary) + " FROM " + c.r.quote(shard.Table)
	if c.r.dialect.Name == "sqlserver" {
		text += " WITH (UPDLOCK, HOLDLOCK)"
	}
	text += " WHERE ?"
	if c.r.locksRows() {
		text += " FOR UPDATE"
	}
	tx := session(c.db).Session(&gorm.Session{NewDB: true, Context: c.db.Statement.Context})
	tx.Statement.ConnPool = pool
	rows, err := tx.Raw(text, c.r.primaryIn(primary, keys)).Rows()
	if err == nil {
		var found [][]any
		if found, err = allRows(rows); err == nil && len(found) == len(keys) {
			return nil
		}
	}
	failed := &config.ShardError{Entity: c.table.Name, Shard: shard.ID, Operation: "insert", Cause: err}
	if err == nil {
		failed.Cause, failed.Hint = config.ErrConflict, "a row with this primary key was deleted meanwhile: try again"
	}
	return failed
}
