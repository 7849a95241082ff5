package callbacks

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
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
		return r.rawSteps(db, p, call, r.rawKeySteps(rs, p, args, call, keys), watch)
	})
}

// rawKeySteps are the statements for the rows with these keys.
func (r *Runtime) rawKeySteps(rs *planner.RawStatement, p *planner.Plan, args []any, call rawCall, keys []firstKey) (steps []rawStep) {
	whole := slices.ContainsFunc(p.Table.Schema.PrimaryFields, func(f *schema.Field) bool { return assignsColumn(rs.Set, f.DBName) })
	reads := call != rawExec && rs.Write.Returning != (planner.TextRange{})
	for _, run := range keyRuns(keys, reads, whole) {
		steps = append(steps, rawStep{shardSQL: r.rawWriteKeys(rs, p, args, run)})
	}
	if len(steps) == 0 && reads { // one that finds nothing has the columns
		steps = append(steps, rawStep{shardSQL: r.rawWriteKeys(rs, p, args, []firstKey{{}})})
	}
	return steps
}

// assignsColumn tells whether assignments in SQL text have a column.
func assignsColumn(set clause.Set, column string) bool {
	return slices.ContainsFunc(set, func(a assignment) bool { return strings.EqualFold(a.Column.Name, column) })
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
	tail(rs.Write.With)
	t.Write(" SELECT " + r.quote(firstTarget))
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
	return shardSQL{p.Targets[0].Shard, strings.TrimLeft(text, " "), vars}
}

// rawWriteKeys is the statement for rows of one shard, by their keys.
func (r *Runtime) rawWriteKeys(rs *planner.RawStatement, p *planner.Plan, args []any, keys []firstKey) shardSQL {
	shard, fields := p.Targets[keys[0].target].Shard, p.Table.Schema.PrimaryFields
	t := rs.Text(r.dialect, shard, args, r.quote)
	head := rs.Write.Head
	if verb := rs.Write.With.To; verb > 0 && !containsWord(rs.SQL[verb:head.To], "select") {
		head.From = verb // the WITH queries were for the conditions
	}
	t.Copy(head)
	t.Write(" WHERE ")
	r.rawKeyIn(t, fields, keys)
	t.Write(" ")
	t.Copy(rs.Write.Order)
	t.Write(" ")
	t.Copy(rs.Write.Returning)
	text, vars := t.Result()
	return shardSQL{shard, strings.TrimSpace(text), vars}
}

// rawKeyIn writes the condition that a row's primary key is one of these; a key without
// values is of no row.
func (r *Runtime) rawKeyIn(t *planner.RawText, fields []*schema.Field, keys []firstKey) {
	between := [3]string{"(" + r.quoted(fields) + ") IN (", ",", ")"}
	row := [2]string{"(", ")"}
	switch {
	case len(fields) == 1:
		between[0], row = r.quoted(fields)+" IN (", [2]string{}
	case r.dialect.Name == "sqlserver": // which has no row values
		between = [3]string{"(", " OR ", ")"}
	}
	t.Write(between[0])
	for i, k := range keys {
		t.Write(strings.Repeat(between[1], min(i, 1)) + row[0])
		for c, f := range fields {
			if r.dialect.Name == "sqlserver" && len(fields) > 1 {
				t.Write(strings.Repeat(" AND ", min(c, 1)) + r.quote(f.DBName) + " = ")
			} else {
				t.Write(strings.Repeat(",", min(c, 1)))
			}
			if k.key == nil {
				t.Write("NULL")
			} else {
				t.Bind(k.key[c])
			}
		}
		t.Write(row[1])
	}
	t.Write(between[2])
}

// quoted lists columns.
func (r *Runtime) quoted(fields []*schema.Field) string {
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = r.quote(f.DBName)
	}
	return strings.Join(names, ",")
}
