package callbacks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"gorm.io/gorm"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/resolver"
)

const (
	// guardBatch is the number of keys that are looked for at a time.
	guardBatch = 500
	// lookShards bounds the shards that one statement looks for them on.
	lookShards = 100
)

// look is one statement that looks for primary keys on shards of one database.
type look struct {
	tx     *gorm.DB // with the database's pool, or its part of the transaction
	shards []*config.Shard
	rows   [][]int // those whose keys each shard is asked for
	found  []lookFound
	apart  bool // takes no further shards
}

// lookFound is a primary key, as primaryText has it, that a shard holds.
type lookFound struct{ key, shard string }

// findElsewhere asks all shards for the given rows' primary keys and reports those found on
// a shard that is not the row's own: its own sees to itself. Databases are asked side by
// side, each by as few statements as can be.
func (c *creation) findElsewhere(given []int, home []string) (map[int]string, error) {
	elsewhere := map[int]string{}
	for from := 0; from < len(given); from += guardBatch {
		batch := given[from:min(from+guardBatch, len(given))]
		databases, err := c.looks(batch, home)
		if err != nil {
			return nil, err
		}
		turns := c.r.share(len(databases))
		err = resolver.Each(c.db.Statement.Context, turns.atATime(), len(databases), func(ctx context.Context, d int) error {
			for i := range databases[d] {
				if err := c.ask(ctx, &databases[d][i]); err != nil {
					return err
				}
			}
			return nil
		})
		turns.close()
		if err != nil {
			return nil, err
		}
		byKey := map[string][]int{}
		for _, row := range batch {
			k := c.primaryText(row)
			byKey[k] = append(byKey[k], row)
		}
		for _, looks := range databases {
			for i := range looks {
				for _, f := range looks[i].found {
					for _, row := range byKey[f.key] {
						if home[row] != f.shard {
							elsewhere[row] = f.shard
						}
					}
				}
			}
		}
	}
	return elsewhere, nil
}

// looks are the statements that look for the rows' keys, by database. A transaction comes to
// know its databases here, in the shards' order and not in that of the goroutines: the first
// one that it writes to is its home.
func (c *creation) looks(batch []int, home []string) (databases [][]look, err error) {
	at, pools := map[string]int{}, map[string]gorm.ConnPool{}
	values, most := len(batch)*len(c.table.Schema.PrimaryFields), c.r.statementValues()
	for _, s := range c.table.Shards {
		if _, known := pools[s.Database]; !known {
			if pools[s.Database], err = resolver.On(c.db.Statement.ConnPool, s.Database); err != nil {
				return nil, err
			}
		}
		rows := batch[:0:0]
		for _, row := range batch {
			if home[row] != s.ID {
				rows = append(rows, row)
			}
		}
		if len(rows) == 0 {
			continue
		}
		d, known := at[s.Database]
		if !known {
			d = len(databases)
			at[s.Database] = d
			databases = append(databases, nil)
		}
		tx, unseen, apart, err := c.besideSnapshot(s, rows)
		if err != nil {
			return nil, err
		}
		if apart {
			one := look{tx: tx, shards: []*config.Shard{s}, rows: [][]int{rows}, apart: true}
			for _, key := range unseen {
				one.found = append(one.found, lookFound{key, s.ID})
			}
			databases[d] = append(databases[d], one)
			continue
		}
		// Those of the same session go into one statement as far as there is room.
		last := len(databases[d]) - 1
		if last < 0 || databases[d][last].apart || len(databases[d][last].shards) >= max(1, min(lookShards, most/values)) {
			tx := session(c.db)
			tx.Statement.ConnPool = pools[s.Database]
			databases[d] = append(databases[d], look{tx: tx})
			last++
		}
		l := &databases[d][last]
		l.shards, l.rows = append(l.shards, s), append(l.rows, rows)
	}
	return databases, nil
}

// ask runs the statement.
func (c *creation) ask(ctx context.Context, l *look) error {
	primary := c.table.Schema.PrimaryFields
	columns := make([]string, len(primary))
	for i, f := range primary {
		columns[i] = c.r.quote(f.DBName)
	}
	var text strings.Builder
	conditions := make([]any, len(l.shards))
	for n, s := range l.shards {
		keys := make([][]any, len(l.rows[n]))
		for i, row := range l.rows[n] {
			for _, f := range primary {
				v, _, _ := c.rows.get(row, f)
				keys[i] = append(keys[i], v)
			}
		}
		conditions[n] = c.r.primaryIn(primary, keys)
		if n > 0 {
			text.WriteString(" UNION ALL ")
		}
		text.WriteString("SELECT " + strings.Join(columns, ",") + "," + strconv.Itoa(n) + " AS dtde_shard FROM " + c.r.quote(s.Table) + " WHERE ?")
	}
	// a new one: of SQL text that inserts, the session's statement has the values already
	tx := l.tx.Session(&gorm.Session{NewDB: true, Context: ctx})
	tx.Statement.ConnPool = l.tx.Statement.ConnPool
	rows, err := tx.Raw(text.String(), conditions...).Rows()
	if err != nil {
		failed := &config.ShardError{Entity: c.table.Name, Operation: "insert", Cause: err}
		if len(l.shards) == 1 {
			failed.Shard = l.shards[0].ID
		}
		return failed
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		cells, n := make([]any, len(primary)+1), 0
		for i, f := range primary {
			cells[i] = f.NewValuePool.Get()
		}
		cells[len(primary)] = &n
		if err := rows.Scan(cells...); err != nil {
			return err
		}
		var key strings.Builder
		for i, f := range primary {
			fmt.Fprintf(&key, "%v\x00", plainValue(f, cells[i]))
			f.NewValuePool.Put(cells[i])
		}
		l.found = append(l.found, lookFound{key.String(), l.shards[n].ID})
	}
	return rows.Err()
}
