package callbacks

import (
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/planner"
)

// rawInsertion is an INSERT in SQL text: its rows are placed as those of a create, and the
// text is put together anew for each shard. What the text leaves out of the primary key
// dtde generates, since the shards' own counters know nothing of one another.
type rawInsertion struct {
	*creation
	rs     *planner.RawStatement
	values *clause.Values
	args   []any
	// added is the primary key's column that dtde adds, or -1 for one that is there;
	// made are the rows whose key it made.
	added bool
	at    int
	made  map[int]bool
}

// rawInsert runs an INSERT in SQL text.
func (r *Runtime) rawInsert(db *gorm.DB, rs *planner.RawStatement, call rawCall, run func(*gorm.DB), watch *watch) (*planner.Plan, error) {
	stmt := db.Statement
	if r.dialect.Name == "sqlite" {
		utcTimes(stmt.Vars)
	}
	if rs.Insert.Query != (planner.TextRange{}) {
		return r.rawInsertQuery(db, rs, call, watch)
	}
	in := r.insertion(db, rs, rs.Values)
	defer in.undo()
	p, err := in.plan()
	if err != nil {
		return nil, err
	}
	watch.resolved(p)
	carry(stmt, p)
	p.Statements = nil
	if len(in.held) == 0 || db.DryRun {
		return p, in.sendText(p, call, run, watch)
	}
	return p, r.atomically(db, func() error {
		if err := in.hold(p); err != nil {
			return err
		}
		return in.sendText(p, call, run, watch)
	})
}

// sendText runs the text, or that of each shard.
func (in *rawInsertion) sendText(p *planner.Plan, call rawCall, run func(*gorm.DB), watch *watch) error {
	r, db, stmt := in.r, in.db, in.db.Statement
	switch {
	case len(p.Targets) == 0:
		return in.nothing(call)
	case len(p.Targets) == 1:
		leave, err := r.visit(stmt, p.Targets[0].Shard)
		defer leave()
		if err != nil {
			return err
		}
		if s := &p.Targets[0]; len(s.Rows) == len(in.values.Values) && len(in.made) == 0 {
			setText(stmt, in.rs.Render(s.Shard, r.quote))
		} else {
			own := in.text(s)
			setText(stmt, own.text)
			stmt.Vars = own.vars
		}
		p.Sent(p.Targets[0].Shard, stmt.SQL.String(), len(stmt.Vars))
		run(db)
		db.Error = explained(p.Entity, "raw", db.Error)
		in.noteInserted(p)
		return nil
	}
	steps := make([]rawStep, len(p.Targets))
	for i := range p.Targets {
		steps[i].rows = p.Targets[i].Rows
		steps[i].shardSQL = in.text(&p.Targets[i])
	}
	err := r.rawSteps(db, p, call, steps, watch)
	if err == nil {
		in.noteInserted(p)
	}
	return err
}

// insertion is the creation of the rows that the text lists.
func (r *Runtime) insertion(db *gorm.DB, rs *planner.RawStatement, values *clause.Values) *rawInsertion {
	t := rs.Table
	if fresh, ok := r.current(db.Statement.ConnPool).ByModel(t.ModelType); ok {
		t = fresh
	}
	fields := make([]*schema.Field, len(values.Columns))
	for i, c := range values.Columns {
		fields[i] = insertedField(r.dialect, t.Schema, c.Name)
	}
	maps := make([]map[string]any, len(values.Values))
	for i, row := range values.Values {
		maps[i] = make(map[string]any, len(row))
		for k, v := range row {
			if fields[k] != nil {
				maps[i][fields[k].DBName] = v
			}
		}
	}
	return &rawInsertion{
		creation: &creation{r: r, db: db, table: t, alias: rs.Alias, rows: rowSet{stmt: db.Statement, maps: maps}},
		rs:       rs, values: values, args: db.Statement.Vars, at: -1,
	}
}

// insertedField is the field of a column as the text names it.
func insertedField(d planner.Dialect, s *schema.Schema, column string) *schema.Field {
	if f, ok := s.FieldsByDBName[column]; ok {
		return f
	}
	if d.Name == "postgres" {
		return nil
	}
	for name, f := range s.FieldsByDBName {
		if strings.EqualFold(name, column) {
			return f
		}
	}
	return nil
}

// plan makes keys and finds the shard of every row.
func (in *rawInsertion) plan() (*planner.Plan, error) {
	stmt := in.db.Statement
	if oc := in.rs.Insert.OnConflict; oc != nil {
		if err := planner.CheckUpsert(in.table, *oc); err != nil && !in.conflictOnPrimary(*oc, err) {
			return nil, err
		}
		before, had := stmt.Clauses["ON CONFLICT"]
		stmt.Clauses["ON CONFLICT"] = clause.Clause{Name: "ON CONFLICT", Expression: *oc}
		in.restore = append(in.restore, func() {
			if stmt.Clauses["ON CONFLICT"] = before; !had {
				delete(stmt.Clauses, "ON CONFLICT")
			}
		})
	}
	if err := in.keys(); err != nil {
		return nil, err
	}
	return in.place(in.values)
}

// keys notes which primary keys the text gives, and makes those that it leaves to the
// database.
func (in *rawInsertion) keys() error {
	n := in.rows.len()
	in.explicit, in.made = make([]bool, n), map[int]bool{}
	pk := in.table.Schema.PrioritizedPrimaryField
	if pk == nil || len(in.table.Schema.PrimaryFields) != 1 {
		for i := range n {
			in.explicit[i] = !slices.ContainsFunc(in.table.Schema.PrimaryFields, func(f *schema.Field) bool {
				v, _, present := in.rows.get(i, f)
				_, computed := v.(clause.Expression)
				return !present || v == nil || computed
			})
		}
		return nil
	}
	in.at = slices.IndexFunc(in.values.Columns, func(c clause.Column) bool {
		return insertedField(in.r.dialect, in.table.Schema, c.Name) == pk
	})
	var absent []int
	for i := range n {
		v, _, present := in.rows.get(i, pk)
		switch e, computed := v.(clause.Expr); {
		case !present || computed && strings.EqualFold(e.SQL, "default") || in.counts(v):
			absent = append(absent, i)
			delete(in.rows.maps[i], pk.DBName)
		case !computed && v != nil:
			in.explicit[i] = true
		}
	}
	if err := in.checkCarried(pk); err != nil {
		return err
	}
	spec := in.table.KeySpec
	if len(absent) == 0 || spec.Source == config.KeyNone || in.db.DryRun && !in.r.ids.ready(spec.Source) {
		return nil
	}
	in.added = in.at < 0
	for _, i := range absent {
		in.made[i] = true
	}
	if err := in.fillKeys(pk, spec, absent); err != nil {
		return err
	}
	in.note(pk)
	return nil
}

// note puts the keys that were made among the values, which may place their rows.
func (in *rawInsertion) note(pk *schema.Field) {
	values := &clause.Values{Columns: slices.Clone(in.values.Columns), Values: make([][]any, len(in.values.Values))}
	if in.added {
		values.Columns = append(values.Columns, clause.Column{Name: pk.DBName})
	}
	for i, row := range in.values.Values {
		row = slices.Clone(row)
		switch {
		case in.added:
			row = append(row, in.key(i))
		case in.made[i]:
			row[in.at] = in.key(i)
		}
		values.Values[i] = row
	}
	in.values = values
}

// counts tells whether the engine takes a given value of the primary key as a wish for
// the next number.
func (in *rawInsertion) counts(v any) bool {
	switch in.r.dialect.Name {
	case "sqlite":
		return v == nil
	case "mysql":
		return v == nil || fmt.Sprint(v) == "0"
	}
	return false
}

// text is the statement with the rows of one shard.
func (in *rawInsertion) text(target *planner.Target) shardSQL {
	t := in.rs.Text(in.r.dialect, target.Shard, in.args, in.r.quote)
	keyed := len(in.made) > 0 && in.r.identity(in.table) != nil
	if keyed {
		t.Write(in.r.identityInsert(target.Shard, "ON"))
	}
	part := in.rs.Insert
	t.Copy(planner.TextRange{From: 0, To: part.Columns.To})
	if in.added {
		t.Write(", " + in.r.quote(in.table.Schema.PrioritizedPrimaryField.DBName))
	}
	if part.Query != (planner.TextRange{}) {
		in.selected(t, target.Rows)
	} else {
		t.Copy(planner.TextRange{From: part.Columns.To, To: part.Values.From})
		for i, row := range target.Rows {
			if i > 0 {
				t.Write(", ")
			}
			in.row(t, row)
		}
		t.Copy(planner.TextRange{From: part.Values.To, To: len(strings.TrimRight(in.rs.SQL, " \t\r\n;"))})
	}
	if keyed {
		t.Write(";" + in.r.identityInsert(target.Shard, "OFF"))
	}
	text, vars := t.Result()
	return shardSQL{target.Shard, text, vars}
}

// row writes one row of VALUES.
func (in *rawInsertion) row(t *planner.RawText, row int) {
	t.Write("(")
	for k, cell := range in.rs.Insert.Cells[row] {
		if k > 0 {
			t.Write(", ")
		}
		if k == in.at && in.made[row] {
			t.Bind(in.key(row))
		} else {
			t.Copy(cell)
		}
	}
	if in.added {
		t.Write(", ")
		t.Bind(in.key(row))
	}
	t.Write(")")
}

func (in *rawInsertion) key(row int) any {
	v, _, _ := in.rows.get(row, in.table.Schema.PrioritizedPrimaryField)
	return v
}

// nothing ends an INSERT of which no row is left to insert.
func (in *rawInsertion) nothing(call rawCall) error {
	db := in.db
	if db.RowsAffected = 0; call == rawExec || db.DryRun || len(in.table.Shards) == 0 || in.rs.Insert.Returning == (planner.TextRange{}) {
		return nil
	}
	shard := in.table.Shards[0]
	t := in.rs.Text(in.r.dialect, shard, in.args, in.r.quote)
	t.Write("SELECT ")
	t.Copy(in.rs.Insert.Returning)
	t.Write(" FROM " + in.r.quote(shard.Table) + " WHERE 1 = 0")
	text, vars := t.Result()
	_, src, err := in.r.rawStep(db, &planner.Plan{Entity: in.table.Name}, call, &rawStep{shardSQL: shardSQL{shard, text, vars}}, nil)
	if err != nil {
		return err
	}
	return in.r.rawRows(db, call, src)
}
