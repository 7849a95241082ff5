package callbacks

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/planner"
)

// rawFirst runs an UPDATE or DELETE in SQL text with LIMIT over several shards, as the
// builder's are run: the keys of the first rows are selected and locked, then written.
func (r *Runtime) rawFirst(db *gorm.DB, rs *planner.RawStatement, p *planner.Plan, call rawCall, watch *watch) error {
	stmt := db.Statement
	if len(p.Databases()) > 1 {
		return databasesApart(p.Table)
	}
	args := stmt.Vars
	find := r.rawSelectFirst(db, rs, p, args)
	if db.DryRun {
		steps := []rawStep{{shardSQL: find}}
		for i := range p.Targets {
			steps = append(steps, rawStep{shardSQL: r.rawWriteKeys(rs, p, args, []firstKey{{target: i}})})
		}
		return r.rawSteps(db, p, call, steps, watch)
	}
	return r.atomically(db, func() error {
		_, src, err := r.rawStep(db, p, rawQuery, &rawStep{shardSQL: find}, nil)
		if err != nil {
			return err
		}
		fields := p.Table.Schema.PrimaryFields
		keys, err := readKeys(src, fields)
		if err = firstError(err, src.Close()); err != nil {
			return err
		}
		whole := slices.ContainsFunc(fields, func(f *schema.Field) bool {
			return slices.ContainsFunc(rs.Set, func(a assignment) bool { return strings.EqualFold(a.Column.Name, f.DBName) })
		})
		reads := call != rawExec && rs.Write.Returning != (planner.TextRange{})
		var steps []rawStep
		for _, run := range keyRuns(keys, reads, whole) {
			steps = append(steps, rawStep{shardSQL: r.rawWriteKeys(rs, p, args, run)})
		}
		if len(steps) == 0 && reads { // one that finds nothing has the columns
			steps = append(steps, rawStep{shardSQL: r.rawWriteKeys(rs, p, args, []firstKey{{}})})
		}
		return r.rawSteps(db, p, call, steps, watch)
	})
}

// rawSelectFirst is the statement that finds and locks the first rows.
func (r *Runtime) rawSelectFirst(db *gorm.DB, rs *planner.RawStatement, p *planner.Plan, args []any) shardSQL {
	columns := r.columns(db.Statement, p.Table)
	t := rs.Text(r.dialect, nil, args, r.quote)
	tail := func(parts ...planner.TextRange) {
		for _, part := range parts {
			t.Write(" ")
			t.Copy(part)
		}
	}
	t.Write("SELECT " + r.quote(firstTarget))
	for _, f := range p.Table.Schema.PrimaryFields {
		t.Write("," + r.quote(f.DBName))
	}
	t.Write(" FROM (")
	for i := range p.Targets {
		if i > 0 {
			t.Write(" UNION ALL ")
		}
		t.Write("(SELECT " + strconv.Itoa(i) + " AS " + r.quote(firstTarget) + "," + columns + " FROM " + r.asTable(p.Targets[i].Shard, rs.Alias).SQL)
		tail(rs.Write.Where, rs.Write.Order, rs.Write.Limit)
		t.Write(" FOR UPDATE)")
	}
	t.Write(") AS " + r.quote(rs.Alias))
	tail(rs.Write.Order, rs.Write.Limit)
	text, vars := t.Result()
	return shardSQL{p.Targets[0].Shard, text, vars}
}

// rawWriteKeys is the statement for rows of one shard, by their keys.
func (r *Runtime) rawWriteKeys(rs *planner.RawStatement, p *planner.Plan, args []any, keys []firstKey) shardSQL {
	shard, fields := p.Targets[keys[0].target].Shard, p.Table.Schema.PrimaryFields
	t := rs.Text(r.dialect, shard, args, r.quote)
	t.Copy(rs.Write.Head)
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = r.quote(f.DBName)
	}
	t.Write(" WHERE (" + strings.Join(names, ",") + ") IN (")
	for i, k := range keys {
		t.Write(strings.Repeat(",", min(i, 1)) + "(")
		for c := range fields {
			t.Write(strings.Repeat(",", min(c, 1)))
			if k.key == nil {
				t.Write("NULL") // of no row
			} else {
				t.Bind(k.key[c])
			}
		}
		t.Write(")")
	}
	t.Write(") ")
	t.Copy(rs.Write.Order)
	t.Write(" ")
	t.Copy(rs.Write.Returning)
	text, vars := t.Result()
	return shardSQL{shard, strings.TrimRight(text, " "), vars}
}
