package callbacks

import (
	"context"
	"errors"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
	"github.com/go-dtde/dtde/resolver"
)

// sent is what one shard took of a chunk.
type sent struct {
	rows  int64
	took  time.Duration
	began time.Time
	text  string
}

// stream is a chunk on its way.
type stream struct {
	c       *creation
	plan    *planner.Plan
	watch   *watch
	trace   *gorm.DB // the create's may have been given back to its pool by then
	results []sent
	wait    func() error
	stop    func()
}

// stream sends the rows: to the databases side by side, within one shard after shard in
// visiting order, since a transaction has one connection in each.
func (c *creation) stream(p *planner.Plan, columns *bulkColumns, watch *watch) *stream {
	var order []string
	targets := map[string][]int{}
	for i := range p.Targets {
		id := p.Targets[i].Shard.Database
		if targets[id] == nil {
			order = append(order, id)
		}
		targets[id] = append(targets[id], i)
	}
	builders := make([]*gorm.DB, len(order)) // one for each goroutine
	for d := range builders {
		builders[d] = session(c.db)
	}
	pool, now := c.db.Statement.ConnPool, c.db.NowFunc()
	s := &stream{c: c, plan: p, watch: watch, trace: session(c.db), results: make([]sent, len(p.Targets))}
	tasks := resolver.Start(c.db.Statement.Context, c.r.config.MaxParallelShards, len(order), nil, func(ctx context.Context, d int) error {
		on, err := resolver.On(pool, order[d])
		if err != nil {
			return err
		}
		for _, i := range targets[order[d]] {
			shard := p.Targets[i].Shard
			s.results[i].began = time.Now()
			for _, g := range c.groups(columns, p.Targets[i].Rows) {
				rows := &chunkRows{ctx: ctx, set: &c.rows, group: g, now: now, values: make([]any, len(g.fields))}
				n, err := c.send(builders[d], on, shard, g, rows, &s.results[i].text)
				s.results[i].rows += n
				if err != nil {
					return &config.ShardError{Entity: c.table.Name, Shard: shard.ID, Operation: "insert", Cause: translated(builders[d], explained(c.table.Name, "insert", err))}
				}
			}
			s.results[i].took = time.Since(s.results[i].began)
		}
		return nil
	})
	s.wait, s.stop = tasks.Wait, tasks.Stop
	return s
}

// finish tells the log, and whoever watches, how it went, and counts the rows.
func (s *stream) finish(err error) (total int64) {
	for i := range s.results {
		res, shard := &s.results[i], s.plan.Targets[i].Shard
		if res.text == "" {
			continue // not begun
		}
		s.plan.Sent(shard, res.text, 0)
		s.watch.took(shard.ID, res.took)
		s.watch.affected(shard.ID, res.rows)
		s.c.r.trace(s.trace, res.began, shardSQL{shard: shard, text: res.text}, res.rows, err)
		total += res.rows
	}
	return total
}

// send sends one group of a shard's rows. text is what the log shows of it.
func (c *creation) send(builder *gorm.DB, on gorm.ConnPool, shard *config.Shard, g bulkGroup, rows *chunkRows, text *string) (n int64, err error) {
	into := config.BulkTable{Schema: shard.Namespace(), Name: shard.Name(), Columns: make([]string, len(g.fields))}
	quoted := make([]string, len(g.fields))
	for i, f := range g.fields {
		into.Columns[i] = f.DBName
		quoted[i] = c.r.quote(f.DBName)
	}
	what := c.r.quote(shard.Table) + " (" + strings.Join(quoted, ",") + ")"
	if bulk := c.r.config.BulkOf(shard.Database); bulk != nil {
		*text = "/* bulk */ INSERT INTO " + what
		n, err = bulk.InsertRows(builder.Statement.Context, resolver.Unprepared(on), into, rows)
		if rows.at > 0 || !errors.Is(err, config.ErrBulkUnfit) {
			return n, ownEnd(rows, err)
		}
	}
	*text = "INSERT INTO " + what
	n, err = c.insertRows(builder, on, shard, into, rows)
	return n, ownEnd(rows, err)
}

// ownEnd is the failure of the rows themselves rather than what the engine made of it.
func ownEnd(rows *chunkRows, err error) error {
	if rows.err != nil {
		return rows.err
	}
	return err
}

// batchBytes is about how much text one INSERT carries at most: a server's limit is a
// few times that (MySQL's max_allowed_packet).
const batchBytes = 1 << 20

// insertRows sends rows by INSERT statements of many rows.
func (c *creation) insertRows(builder *gorm.DB, on gorm.ConnPool, shard *config.Shard, into config.BulkTable, rows config.BulkRows) (inserted int64, err error) {
	size := c.r.batchSize(len(into.Columns))
	columns := make([]clause.Column, len(into.Columns))
	for i, name := range into.Columns {
		columns[i].Name = name
	}
	room := make([]any, size*len(columns))
	list := make([][]any, 0, size)
	for more := true; more; {
		bytes := 0
		list = list[:0]
		for len(list) < size && bytes < batchBytes {
			if more = rows.Next(); !more {
				break
			}
			values, err := rows.Values()
			if err != nil {
				return inserted, err
			}
			row := room[len(list)*len(columns):][:len(columns):len(columns)]
			copy(row, values)
			for _, v := range values {
				bytes += length(v)
			}
			list = append(list, row)
		}
		if err := rows.Err(); err != nil {
			return inserted, err
		}
		if len(list) == 0 {
			break
		}
		stmt := &gorm.Statement{DB: builder, Schema: c.table.Schema, Context: builder.Statement.Context, Clauses: map[string]clause.Clause{}}
		stmt.AddClause(clause.Insert{Table: clause.Table{Name: shard.Table}})
		stmt.AddClause(clause.Values{Columns: columns, Values: list})
		stmt.Build("INSERT", "VALUES")
		if builder.Error != nil {
			return inserted, builder.Error
		}
		result, err := on.ExecContext(stmt.Context, stmt.SQL.String(), stmt.Vars...)
		if err != nil {
			return inserted, err
		}
		n, _ := result.RowsAffected()
		inserted += n
	}
	return inserted, nil
}

// length is about how many bytes a value has in a statement.
func length(v any) int {
	switch v := v.(type) {
	case string:
		return len(v)
	case []byte:
		return len(v)
	case *string:
		if v != nil {
			return len(*v)
		}
	}
	return 16
}
