package planner

import (
	"gorm.io/gorm/clause"
)

// TextRange is a byte range [From, To) of a text.
type TextRange struct{ From, To int }

// RawInsert says where the parts of an INSERT stand in its text.
type RawInsert struct {
	// Columns is the list of columns without its parentheses.
	Columns TextRange
	// Values are all rows of VALUES, from the first parenthesis to the last; Cells are the
	// cells of each row.
	Values TextRange
	Cells  [][]TextRange
	// Query is what INSERT … SELECT selects; its rows are not known before it has run.
	// Bare are placeholders that it selects as they are, by the position of their column:
	// their type is the column's, as nothing else says.
	Query TextRange
	Bare  []BareValue
	// OnConflict is what ON CONFLICT, ON DUPLICATE KEY UPDATE or IGNORE ask for, as far as
	// [CheckUpsert] wants to know; nil if none stands there.
	OnConflict *clause.OnConflict
	// Returning is what stands behind RETURNING; Reads tells that rows come back, also by
	// SQL Server's OUTPUT.
	Returning TextRange
	Reads     bool
}

// BareValue is a placeholder that a query selects as a column.
type BareValue struct {
	// Column is the position of the column, At that of the placeholder in the text.
	Column int
	At     TextRange
}

// inserts tells whether the text is an INSERT, and at which token its table stands.
func (r *rawParser) inserts() (table int, ok bool) {
	if !r.keyword(0, "insert") {
		return 0, false
	}
	i := 1
	switch {
	case r.dialect.mysql() && r.keyword(i, "ignore"):
		i++
	case r.dialect.sqlite() && r.keyword(i, "or") && r.keyword(i+1, "ignore"):
		i += 2
	}
	if r.keyword(i, "into") {
		return i + 1, true
	}
	return i, r.dialect.mysql() || r.dialect.sqlserver() // where INTO can be left out
}

// insert reads INSERT INTO table (columns) VALUES (row), … and INSERT INTO table (columns)
// SELECT ….
func (r *rawParser) insert(ref reference, out *RawStatement) (*RawStatement, error) {
	refuse := func(problem string) (*RawStatement, error) {
		return nil, rawRefusal(out.Table.Name, "raw-insert", problem)
	}
	if ref.end-ref.first > 1 && ref.table.Namespace == "" && r.dialect.mysql() {
		return nil, rawRefusal(ref.table.Name, "raw-shape", "a table name with a database that may be another")
	}
	out.Operation, out.Insert = Insert, &RawInsert{}
	if r.keyword(1, "ignore", "or") {
		out.Insert.OnConflict = &clause.OnConflict{DoNothing: true}
	}
	r.scope = &scope{dialect: r.dialect, fields: ref.table.Schema}
	for _, t := range r.toks {
		if t.kind == tokValue {
			if int(t.at) >= len(r.args) {
				return refuse("a placeholder without an argument")
			}
			out.params = append(out.params, t)
		}
	}
	i, aliased := ref.end, false
	if !r.keyword(i, "select", "with", "default", "output") {
		i, aliased = r.alias(i, out)
	}
	if i >= len(r.toks) || r.toks[i].kind != tokOpen || r.keyword(i+1, "select", "with") {
		return refuse("an INSERT that does not list its columns")
	}
	columns := &clause.Values{}
	closing := int(r.toks[i].at)
	for _, item := range r.items(i+1, closing) {
		if end := r.nameEnd(item[0], item[1]); end != item[1] {
			return refuse("an INSERT whose columns are not understood")
		}
		columns.Columns = append(columns.Columns, clause.Column{Name: r.columnName(item[1] - 1)})
	}
	out.Insert.Columns = TextRange{int(r.toks[i].to), int(r.toks[closing].from)}
	i = closing + 1
	if r.dialect.sqlserver() && r.keyword(i, "output") {
		out.Insert.Reads = true
		for ; i < len(r.toks) && !r.keyword(i, "values", "select", "with", "default"); i++ {
			if r.keyword(i, "into") {
				return refuse("an INSERT with OUTPUT INTO")
			}
		}
	}
	if r.keyword(i, "select", "with") || i+1 < len(r.toks) && r.toks[i].kind == tokOpen && r.keyword(i+1, "select", "with") {
		return r.insertQuery(ref, i, columns, out)
	}
	if r.count("select") > 0 || !r.keyword(i, "values") {
		return refuse("an INSERT without VALUES, or with a subquery")
	}
	i, err := r.insertRows(i+1, columns, out)
	if err != nil {
		return nil, err
	}
	if err := r.insertTail(i, out); err != nil {
		return nil, err
	}
	out.Values = columns
	return out, r.positions(ref, aliased, out)
}

// insertRows reads the rows of VALUES and gives the token after them.
func (r *rawParser) insertRows(i int, values *clause.Values, out *RawStatement) (int, error) {
	refuse := func(problem string) (int, error) { return 0, rawRefusal(out.Table.Name, "raw-insert", problem) }
	for ; i < len(r.toks) && r.toks[i].kind == tokOpen; i++ {
		end := int(r.toks[i].at)
		items := r.items(i+1, end)
		if len(items) != len(values.Columns) {
			return refuse("an INSERT whose rows do not fit its columns")
		}
		row, cells := make([]any, len(items)), make([]TextRange, len(items))
		for k, item := range items {
			v, ok := r.cell(item[0], item[1])
			if !ok {
				return refuse("an INSERT whose values are not understood")
			}
			row[k], cells[k] = v, TextRange{int(r.toks[item[0]].from), int(r.toks[item[1]-1].to)}
		}
		if len(values.Values) == 0 {
			out.Insert.Values.From = int(r.toks[i].from)
		}
		out.Insert.Values.To = int(r.toks[end].to)
		values.Values, out.Insert.Cells = append(values.Values, row), append(out.Insert.Cells, cells)
		if i = end + 1; i >= len(r.toks) || r.toks[i].kind != tokComma {
			break
		}
	}
	if len(values.Values) == 0 {
		return refuse("an INSERT without rows")
	}
	return i, nil
}

// insertTail reads what follows the rows.
func (r *rawParser) insertTail(i int, out *RawStatement) error {
	refuse := func(problem string) error { return rawRefusal(out.Table.Name, "raw-insert", problem) }
	if r.dialect.mysql() && r.keyword(i, "as") && i+1 < len(r.toks) && r.toks[i+1].kind <= tokQuoted && !(i+2 < len(r.toks) && r.toks[i+2].kind == tokOpen) {
		i += 2 // AS new, for ON DUPLICATE KEY UPDATE
	}
	if r.keyword(i, "on") {
		if out.Insert.OnConflict != nil {
			return refuse("an INSERT with IGNORE and ON CONFLICT")
		}
		next, ok := r.onConflict(i+1, out)
		if !ok {
			return refuse("an INSERT with an ON CONFLICT that is not understood")
		}
		i = next
	}
	if r.keyword(i, "returning") && i+1 < len(r.toks) {
		out.Insert.Reads = true
		out.Insert.Returning = TextRange{int(r.toks[i+1].from), int(r.toks[len(r.toks)-1].to)}
		return nil
	}
	if i < len(r.toks) {
		return refuse("an INSERT in a form that is not understood")
	}
	return nil
}

// onConflict reads CONFLICT (columns) DO … and DUPLICATE KEY UPDATE ….
func (r *rawParser) onConflict(i int, out *RawStatement) (next int, ok bool) {
	oc := &clause.OnConflict{}
	out.Insert.OnConflict = oc
	if r.dialect.mysql() {
		if !r.keyword(i, "duplicate") || !r.keyword(i+1, "key") || !r.keyword(i+2, "update") {
			return i, false
		}
		return r.conflictSet(i+3, oc, out)
	}
	if !r.keyword(i, "conflict") {
		return i, false
	}
	i++
	switch {
	case i < len(r.toks) && r.toks[i].kind == tokOpen:
		end := int(r.toks[i].at)
		for _, item := range r.items(i+1, end) {
			if r.nameEnd(item[0], item[1]) != item[1] {
				return i, false // an expression, a collation: an index of its own
			}
			oc.Columns = append(oc.Columns, clause.Column{Name: r.columnName(item[1] - 1)})
		}
		i = end + 1
	case r.keyword(i, "on") && r.keyword(i+1, "constraint"):
		if i+2 >= len(r.toks) {
			return i, false
		}
		oc.OnConstraint = r.columnName(i + 2)
		i += 3
	}
	switch {
	case !r.keyword(i, "do"):
		return i, false // of a partial index, too
	case r.keyword(i+1, "nothing"):
		oc.DoNothing = true
		return i + 2, true
	case !r.keyword(i+1, "update") || !r.keyword(i+2, "set"):
		return i, false
	}
	if i, ok = r.conflictSet(i+3, oc, out); ok && r.keyword(i, "where") {
		i = r.untilClause(i + 1)
		ok = !r.keyword(i, "on", "from")
	}
	return i, ok
}

// conflictSet reads the assignments of an upsert.
func (r *rawParser) conflictSet(i int, oc *clause.OnConflict, out *RawStatement) (next int, ok bool) {
	end := i
	for end < len(r.toks) && !r.keyword(end, "where", "returning") {
		if r.toks[end].kind == tokOpen {
			end = int(r.toks[end].at)
		}
		end++
	}
	if end == i || r.assignments(i, end, out) != nil {
		return i, false
	}
	oc.DoUpdates, out.Set = out.Set, nil
	for i, a := range oc.DoUpdates {
		if e, ok := a.Value.(clause.Expr); ok && len(e.Vars) == 0 {
			if parts, ok := splitName(e.SQL, r.dialect); ok && equalFold(parts[len(parts)-1], a.Column.Name) {
				oc.DoUpdates[i].Value = a.Column // its own value, or the inserted row's
			}
		}
	}
	return end, true
}

// insertQuery reads INSERT … SELECT: the query is a text of its own.
func (r *rawParser) insertQuery(ref reference, i int, columns *clause.Values, out *RawStatement) (*RawStatement, error) {
	for k := i; k < len(r.toks); k++ {
		if r.toks[k].kind == tokOpen {
			k = int(r.toks[k].at)
			continue
		}
		if r.keyword(k, "returning") || r.keyword(k, "on") && r.keyword(k+1, "conflict", "duplicate") {
			return nil, rawRefusal(out.Table.Name, "raw-insert", "an INSERT of a query with ON CONFLICT or RETURNING")
		}
	}
	if out.Insert.Reads {
		return nil, rawRefusal(out.Table.Name, "raw-insert", "an INSERT of a query with OUTPUT")
	}
	out.Values = columns
	r.bareValues(i, out)
	out.Insert.Query = TextRange{int(r.toks[i].from), int(r.toks[len(r.toks)-1].to)}
	out.NamePositions = []NamePosition{{From: int(r.toks[ref.first].from), To: int(r.toks[ref.end-1].to)}}
	return out, nil
}

// bareValues finds the placeholders that a query beginning at i selects.
func (r *rawParser) bareValues(i int, out *RawStatement) {
	if !r.keyword(i, "select") {
		return
	}
	end := i + 1
	for end < len(r.toks) && !r.keyword(end, "from", "where", "union", "except", "intersect", "order", "limit", "group", "having", "offset", "fetch") {
		if r.toks[end].kind == tokOpen {
			end = int(r.toks[end].at)
		}
		end++
	}
	for column, item := range r.items(i+1, end) {
		if t := r.toks[item[0]]; item[0] < item[1] && t.kind == tokValue && (item[1] == item[0]+1 || r.keyword(item[0]+1, "as")) {
			out.Insert.Bare = append(out.Insert.Bare, BareValue{column, TextRange{int(t.from), int(t.to)}})
		}
	}
}
