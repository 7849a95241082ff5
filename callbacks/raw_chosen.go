package callbacks

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// rawChosen runs an UPDATE or DELETE in SQL text over several shards whose rows have to be
// chosen before any is written.
func (r *Runtime) rawChosen(db *gorm.DB, rs *planner.RawStatement, p *planner.Plan, call rawCall, watch *watch) error {
	fields, args := p.Table.Schema.PrimaryFields, db.Statement.Vars
	if len(fields) == 0 {
		return writesWhatItReads(p)
	}
	p.FormReason = chosenReason
	if db.DryRun {
		var steps []rawStep
		for i := range p.Targets {
			steps = append(steps, rawStep{shardSQL: r.rawChoose(rs, p, args, i)})
		}
		for i := range p.Targets {
			steps = append(steps, rawStep{shardSQL: r.rawWriteKeys(rs, p, args, []firstKey{{target: i}})})
		}
		return r.rawSteps(db, p, call, steps, watch)
	}
	return r.atomically(db, func() error {
		if err := r.claim(db.Statement.Context, db.Statement.ConnPool, p.Table); err != nil {
			return err
		}
		var keys []firstKey
		for i := range p.Targets {
			_, src, err := r.rawStep(db, p, rawQuery, &rawStep{shardSQL: r.rawChoose(rs, p, args, i)}, nil)
			if err != nil {
				return err
			}
			some, err := readKeys(src, fields)
			if err = firstError(err, src.Close()); err != nil {
				return err
			}
			if keys = append(keys, some...); len(keys) > r.config.MaxBufferedRows {
				return mergeError(merge.ErrTooManyRows)
			}
		}
		steps := r.rawKeySteps(rs, p, args, call, keys)
		if len(steps) > 1 {
			if reads, err := r.rawReads(rs, p, steps); err != nil || reads {
				return firstError(err, writesWhatItReads(p))
			}
		}
		return r.rawSteps(db, p, call, steps, watch)
	})
}

// rawChoose is the statement that finds and locks the rows of one target.
func (r *Runtime) rawChoose(rs *planner.RawStatement, p *planner.Plan, args []any, at int) shardSQL {
	shard := p.Targets[at].Shard
	t := rs.Text(r.dialect, nil, args, r.quote)
	t.Copy(rs.Write.With)
	columns := []string{" SELECT " + strconv.Itoa(at)}
	for _, f := range p.Table.Schema.PrimaryFields {
		columns = append(columns, r.quote(rs.Alias)+"."+r.quote(f.DBName))
	}
	t.Write(strings.Join(columns, ",") + " FROM " + r.asTable(shard, rs.Alias).SQL)
	if r.dialect.Name == "sqlserver" {
		t.Write(" WITH (UPDLOCK, HOLDLOCK)")
	}
	t.Write(" ")
	t.Copy(rs.Write.Where)
	if r.locksRows() {
		t.Write(" FOR UPDATE")
	}
	text, vars := t.Result()
	return shardSQL{shard, strings.TrimLeft(text, " "), vars}
}

// rawReads tells whether one of several steps reads what another one changes.
func (r *Runtime) rawReads(rs *planner.RawStatement, p *planner.Plan, steps []rawStep) (bool, error) {
	if !rs.Nests {
		return false, nil
	}
	c, err := r.changes(p.Table, rs.Operation, func(fields []*schema.Field) bool {
		return slices.ContainsFunc(fields, func(f *schema.Field) bool { return assignsColumn(rs.Set, f.DBName) })
	})
	if err != nil {
		return false, err
	}
	shards := make([]*config.Shard, len(steps))
	for i := range steps {
		shards[i] = steps[i].shard
	}
	return slices.ContainsFunc(steps, func(s rawStep) bool { return c.readBy(s.shardSQL, shards) }), nil
}
