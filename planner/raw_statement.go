package planner

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// statement reads a statement over one entity, the first of refs, and nothing else, but
// for the subqueries of an UPDATE or DELETE, where the others stand.
func (r *rawParser) statement(refs []reference) (*RawStatement, error) {
	ref := refs[0]
	out := &RawStatement{Table: ref.table, Alias: ref.table.LogicalName, SQL: r.sql, parser: r}
	refuse := func(problem string) error { return rawRefusal(ref.table.Name, "raw-shape", problem) }
	if ref.end-ref.first > 3 || ref.end-ref.first > 1 && ref.table.Namespace == "" && r.dialect.mysql() {
		return nil, refuse("a table name with a database that may be another")
	}
	if into, ok := r.inserts(); ok && ref.first == into {
		return r.insert(ref, out)
	}
	queries, verb := r.count("select"), r.verb()
	table, limited := verb, false
	if r.keyword(verb, "update", "delete") {
		table, limited = r.top(verb + 1)
	}
	out.Limited = limited
	switch {
	case r.keyword(0, "select"):
		out.Operation = Select
		if queries != 1 {
			return nil, refuse("SQL text with a subquery or UNION")
		}
	case r.keyword(verb, "update") && ref.first == table:
		out.Operation, out.Nests = Update, queries > 0
	case r.keyword(verb, "delete") && r.keyword(table, "from") && ref.first == table+1:
		out.Operation, out.Nests = Delete, queries > 0
	case r.keyword(verb, "replace"):
		return nil, &config.UnsupportedError{
			Entity: ref.table.Name, Reason: "raw-shape", Problem: "REPLACE, which deletes the rows that are in the way",
			Hint: "use db.Clauses(clause.OnConflict{UpdateAll: true}).Create, or the shard's own table name",
		}
	default:
		return nil, refuse("SQL text that is no plain SELECT, INSERT, UPDATE or DELETE")
	}
	r.scope = &scope{dialect: r.dialect, fields: ref.table.Schema}
	next, aliased := r.alias(ref.end, out)
	if err := r.clauses(ref, next, out); err != nil {
		return nil, err
	}
	if err := r.nest(refs[1:], out); err != nil {
		return nil, err
	}
	return out, r.positions(ref, aliased, out)
}

// top reads SQL Server's TOP (n) behind UPDATE or DELETE.
func (r *rawParser) top(i int) (next int, limited bool) {
	if !r.dialect.sqlserver() || !r.keyword(i, "top") || i+1 >= len(r.toks) || r.toks[i+1].kind != tokOpen {
		return i, false
	}
	if i = int(r.toks[i+1].at) + 1; r.keyword(i, "percent") {
		i++
	}
	return i, true
}

func (r *rawParser) count(word string) int {
	n := 0
	for i := range r.toks {
		if r.keyword(i, word) {
			n++
		}
	}
	return n
}

// rawClauses are the words that may follow the table of a statement over one table.
var rawClauses = []string{"where", "group", "having", "order", "limit", "offset", "fetch", "for", "window", "returning", "lock", "set", "values"}

// alias reads [AS] alias.
func (r *rawParser) alias(i int, out *RawStatement) (next int, aliased bool) {
	if r.keyword(i, "as") {
		i++
	} else if i >= len(r.toks) || r.keyword(i, rawClauses...) || r.toks[i].kind != tokName && r.toks[i].kind != tokQuoted {
		return i, false
	}
	if i >= len(r.toks) || r.toks[i].kind != tokName && r.toks[i].kind != tokQuoted {
		return i, false
	}
	quoted, name := r.identifier(i)
	if out.Alias = name; r.dialect.postgres() && !quoted {
		out.Alias = foldASCII(name)
	}
	return i + 1, true
}

// clauses reads what follows the table of a SELECT, UPDATE or DELETE.
func (r *rawParser) clauses(ref reference, i int, out *RawStatement) error {
	refuse := func(problem string) error { return rawRefusal(ref.table.Name, "raw-shape", problem) }
	if out.Operation == Select {
		if !r.keyword(ref.first-1, "from") || r.depth(ref.first) > 0 {
			return refuse("SQL text whose FROM is not one table")
		}
		out.from = ref.first - 1
		for k := 1; k < ref.first-1; k++ {
			if r.keyword(k, "into") {
				return refuse("SELECT INTO")
			}
			out.Limited = out.Limited || r.toks[k].kind == tokOpen || r.keyword(k, "distinct", "top", "unique")
		}
	}
	if r.count("output") > 0 {
		return refuse("SQL text with OUTPUT")
	}
	part := func(from, end int) TextRange { return TextRange{int(r.toks[from].from), int(r.toks[end-1].to)} }
	write := &RawWrite{Head: part(0, len(r.toks))}
	if verb := r.verb(); verb > 0 {
		write.With = part(0, verb)
	}
	if out.Operation != Select {
		out.Write = write
		for _, t := range r.toks {
			if t.kind == tokValue && int(t.at) < len(r.args) {
				out.params = append(out.params, t)
			}
		}
	}
	begin := func(i int) { write.Head.To = min(write.Head.To, int(r.toks[i-1].to)) }
	if out.Operation == Update {
		if !r.keyword(i, "set") {
			return joined(ref, "an UPDATE of more than one table")
		}
		end := r.untilClause(i + 1)
		if r.keyword(end, "from") {
			return joined(ref, "UPDATE … FROM")
		}
		if err := r.assignments(i+1, end, out); err != nil {
			return err
		}
		i = end
	}
	if r.keyword(i, "where") {
		end := r.untilClause(i + 1)
		if end == i+1 {
			return refuse("an empty WHERE")
		}
		where, ok := r.expression(i+1, end)
		if !ok {
			return refuse("a placeholder without an argument")
		}
		begin(i)
		out.Where, write.Where, i = []clause.Expression{where}, part(i, end), end
	}
	if out.Operation == Delete && r.keyword(i, "using") {
		return joined(ref, "DELETE … USING")
	}
	for i < len(r.toks) {
		if !r.keyword(i, "group", "having", "order", "limit", "offset", "fetch", "for", "window", "returning", "lock") {
			return refuse("SQL text over more than one table, or in a form that is not understood")
		}
		begin(i)
		end := r.untilClause(i + 1)
		if !r.writePart(i, part(i, end), write) {
			out.Limited = out.Limited || !r.keyword(i, "for", "returning", "lock")
		}
		i = end
	}
	return nil
}

// depth counts the parentheses that are open at the token i.
func (r *rawParser) depth(i int) int {
	n := 0
	for k := 0; k < i; k++ {
		switch r.toks[k].kind {
		case tokOpen:
			n++
		case tokClose:
			n--
		}
	}
	return n
}

// untilClause is the next token from i on, outside of parentheses, that begins
// another clause.
func (r *rawParser) untilClause(i int) int {
	for ; i < len(r.toks); i++ {
		if r.toks[i].kind == tokOpen {
			i = int(r.toks[i].at)
			continue
		}
		if r.keyword(i, rawClauses...) || r.toks[i].kind == tokBreaker || r.keyword(i, "from") && !r.keyword(i-1, "distinct") {
			return i
		}
	}
	return i
}

// expression is the text of tokens as a condition with its own arguments.
func (r *rawParser) expression(lo, hi int) (clause.Expr, bool) {
	var b strings.Builder
	e := clause.Expr{}
	at := r.toks[lo].from
	for _, t := range r.toks[lo:hi] {
		if t.kind != tokValue {
			continue
		}
		if int(t.at) >= len(r.args) {
			return e, false
		}
		b.WriteString(r.src[at:t.from] + "?")
		e.Vars, at = append(e.Vars, r.args[t.at]), t.to
	}
	b.WriteString(r.src[at:r.toks[hi-1].to])
	e.SQL = b.String()
	return e, true
}

// cell is a literal's or a placeholder's value, or else an expression.
func (r *rawParser) cell(lo, hi int) (any, bool) {
	if hi <= lo {
		return nil, false
	}
	r.values = r.args
	if t := r.toks[lo]; t.kind == tokValue && int(t.at) >= len(r.args) {
		return nil, false
	}
	if o, end := r.operand(lo, hi); end == hi && o.kind == operandValue {
		return o.value, true
	}
	return r.expression(lo, hi)
}

// items is [listItems] of the text.
func (r *rawParser) items(lo, hi int) [][2]int { return listItems(r.toks, lo, hi) }

// listItems splits the tokens [lo, hi) at commas outside of parentheses.
func listItems(toks []token, lo, hi int) [][2]int {
	var out [][2]int
	from := lo
	for i := lo; i < hi; i++ {
		switch toks[i].kind {
		case tokOpen:
			i = int(toks[i].at)
		case tokComma:
			out, from = append(out, [2]int{from, i}), i+1
		}
	}
	return append(out, [2]int{from, hi})
}

// assignments reads the SET of an update.
func (r *rawParser) assignments(lo, hi int, out *RawStatement) error {
	for _, item := range r.items(lo, hi) {
		end := r.nameEnd(item[0], item[1])
		if end < 0 || end >= item[1] || r.toks[end].word != opEq || r.toks[end].kind != tokOp {
			return rawRefusal(out.Table.Name, "raw-shape", "an UPDATE whose SET is not understood")
		}
		v, ok := r.cell(end+1, item[1])
		if !ok {
			return rawRefusal(out.Table.Name, "raw-shape", "an UPDATE whose SET is not understood")
		}
		out.Set = append(out.Set, clause.Assignment{Column: clause.Column{Name: r.columnName(end - 1)}, Value: v})
	}
	return nil
}

// nameEnd is the end of a column's name, or -1.
func (r *rawParser) nameEnd(i, hi int) int {
	if i >= hi || r.toks[i].kind != tokName && r.toks[i].kind != tokQuoted {
		return -1
	}
	return min(r.qualified(i), hi)
}

// columnName is the name as the engine takes it.
func (r *rawParser) columnName(i int) string {
	quoted, name := r.identifier(i)
	if !quoted && r.dialect.postgres() {
		return foldASCII(name)
	}
	return name
}

// positions lists what Render replaces. Where the engine takes no alias, the
// qualifiers are replaced too.
func (r *rawParser) positions(ref reference, aliased bool, out *RawStatement) error {
	at := func(first, end int) NamePosition {
		return NamePosition{From: r.start + int(r.toks[first].from), To: r.start + int(r.toks[end-1].to)}
	}
	name := at(ref.first, ref.end)
	name.Alias = !aliased && r.takesAlias(out)
	out.NamePositions = []NamePosition{name}
	for i := 0; i < len(r.toks); i++ {
		if i == ref.first {
			i = ref.end - 1
			continue
		}
		if r.toks[i].kind != tokName && r.toks[i].kind != tokQuoted {
			continue
		}
		end := r.qualified(i)
		// The qualifier of orders.region and of orders.*
		last := end - 2
		if end+1 < len(r.toks) && r.toks[end].kind == tokDot && r.toks[end+1].kind == tokStar {
			last = end
		}
		if last > i && !aliased && r.entity(i, last) == ref.table {
			if last-i > 1 {
				return rawRefusal(ref.table.Name, "raw-shape", "columns qualified by schema and table")
			}
			if !name.Alias && !r.hidden(ref.table.LogicalName, i) {
				out.NamePositions = append(out.NamePositions, at(i, last))
			}
		}
		i = end - 1
	}
	slices.SortFunc(out.NamePositions, func(a, b NamePosition) int { return a.From - b.From })
	return nil
}

// takesAlias tells whether the engine takes "table AS alias" in the statement.
func (r *rawParser) takesAlias(out *RawStatement) bool {
	switch out.Operation {
	case Select:
		return true
	case Update, Delete:
		if r.dialect.sqlite() && out.Write.Returning != (TextRange{}) {
			return false // which RETURNING does not know
		}
		return !r.dialect.sqlserver() && (out.Operation == Update || !r.dialect.mysql())
	}
	return false
}
