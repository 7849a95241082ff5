package callbacks

import (
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
	"github.com/go-dtde/dtde/planner"
)

// rawInsertQuery runs INSERT … SELECT: the query is read in the statement's transaction, as
// any text is, and its rows are inserted where they belong.
func (r *Runtime) rawInsertQuery(db *gorm.DB, rs *planner.RawStatement, call rawCall, watch *watch) (*planner.Plan, error) {
	stmt := db.Statement
	if db.DryRun { // the rows are not known: it shows what would be read
		t := rs.Text(r.dialect, nil, stmt.Vars, r.quote)
		r.copyQuery(t, rs)
		text, vars := t.Result()
		setText(stmt, text)
		stmt.Vars = vars
		tables, err := r.rewrite(stmt)
		if err != nil {
			return nil, err
		}
		r.carryReads(stmt, tables)
		leave, err := r.settleRaw(stmt)
		leave()
		return nil, err
	}
	var p *planner.Plan
	err := r.atomically(db, func() error {
		if err := r.claim(stmt.Context, stmt.ConnPool, rs.Table); err != nil {
			return err
		}
		values, err := r.selected(db, rs)
		if err != nil {
			return err
		}
		if len(values.Values) == 0 {
			stmt.SQL.Reset()
			stmt.Vars = nil
			db.RowsAffected = 0
			if call != rawExec {
				return r.rawRows(db, call, merge.Concat())
			}
			return nil
		}
		in := r.insertion(db, rs, values)
		defer in.undo()
		if p, err = in.plan(); err != nil {
			return err
		}
		watch.resolved(p)
		carry(stmt, p)
		p.Statements = nil
		var steps []rawStep
		room := max(1, maxPlaceholders(r.dialect)/(len(values.Columns)+1))
		for i := range p.Targets {
			rows := p.Targets[i].Rows
			for from := 0; from < len(rows); from += room {
				chunk := planner.Target{Shard: p.Targets[i].Shard, Rows: rows[from:min(from+room, len(rows))]}
				steps = append(steps, rawStep{in.text(&chunk), chunk.Rows})
			}
		}
		if err := r.rawSteps(db, p, call, steps, watch); err != nil {
			return err
		}
		in.noteInserted(p)
		return nil
	})
	return p, err
}

// copyQuery copies the query. PostgreSQL takes a bare placeholder in a select list for
// text, unless it is told that it is to be the column's value.
func (r *Runtime) copyQuery(t *planner.RawText, rs *planner.RawStatement) {
	at := rs.Insert.Query.From
	for _, bare := range rs.Insert.Bare {
		if r.dialect.Name != "postgres" || bare.Column >= len(rs.Values.Columns) {
			continue
		}
		f := insertedField(r.dialect, rs.Table.Schema, rs.Values.Columns[bare.Column].Name)
		if f == nil {
			continue
		}
		plain := *f
		plain.AutoIncrement = false // serial is no type to cast to
		t.Copy(planner.TextRange{From: at, To: bare.At.From})
		t.Write("CAST(")
		t.Copy(bare.At)
		t.Write(" AS " + r.dialector.DataTypeOf(&plain) + ")")
		at = bare.At.To
	}
	t.Copy(planner.TextRange{From: at, To: rs.Insert.Query.To})
}

// maxPlaceholders is what every version of the engine takes in one statement.
func maxPlaceholders(d planner.Dialect) int {
	switch d.Name {
	case "sqlite":
		return 32_000
	case "sqlserver":
		return 2000
	}
	return 60_000
}

// selected reads the rows of the query.
func (r *Runtime) selected(db *gorm.DB, rs *planner.RawStatement) (*clause.Values, error) {
	t := rs.Text(r.dialect, nil, db.Statement.Vars, r.quote)
	r.copyQuery(t, rs)
	tx := session(db).Raw("")
	text, vars := t.Result()
	tx.Statement.SQL.WriteString(text)
	tx.Statement.Vars = vars
	rows, err := tx.Rows()
	if err != nil {
		return nil, err
	}
	src, err := merge.FromRows(rows)
	if err == nil {
		src, err = merge.Buffer(src, r.config.MaxBufferedRows)
	}
	if err != nil {
		return nil, mergeError(err)
	}
	defer func() { _ = src.Close() }()
	width := len(rs.Values.Columns)
	if len(src.Columns()) != width {
		return nil, &config.UnsupportedError{
			Entity: rs.Table.Name, Reason: "raw-insert", Problem: "an INSERT of a query with another number of columns than it lists",
			Hint: "select a value for each column",
		}
	}
	values := &clause.Values{Columns: rs.Values.Columns}
	return values, each(src, func(row []any) {
		for i, c := range values.Columns {
			if f := insertedField(r.dialect, rs.Table.Schema, c.Name); f != nil {
				row[i] = bindable(f, row[i])
			}
		}
		values.Values = append(values.Values, row)
	})
}

// selected writes rows that a query gave.
func (in *rawInsertion) selected(t *planner.RawText, rows []int) {
	t.Write(") VALUES ")
	for i, row := range rows {
		t.Write(strings.Repeat(", ", min(i, 1)) + "(")
		for k, v := range in.values.Values[row] {
			t.Write(strings.Repeat(", ", min(k, 1)))
			t.Bind(v)
		}
		t.Write(")")
	}
}
