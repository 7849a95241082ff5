package planner

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// Other is a table that stands beside the entity in the statement's FROM.
type Other struct {
	// Alias is its name there.
	Alias string
	// Schema is its model's, Table its entity; nil for a reference entity.
	Schema *schema.Schema
	Table  *config.Table
}

// output is one column of a result that has a row for each row of the FROM.
type output struct {
	text string // the item's, without its alias
	name string // the column's in the result; "" where only the engine knows it
	// star tells `table.*`.
	star  bool
	field *schema.Field // if it is a column of the entity or of another table, and nothing else
	table *config.Table // the field's; nil for a reference entity
}

// outputs reads a select list of text whose items are computed row by row, so that the
// results of several statements are simply put together; ok is false for anything that
// is not certainly so: aggregates, windows, functions that are not known.
func (s *Statement) outputs() (list []output, ok bool) {
	texts := s.Selects
	if c, present := s.Clauses["SELECT"]; present && c.Expression != nil {
		switch e := c.Expression.(type) {
		case clause.Expr:
			if !plainValues(e.Vars) {
				return nil, false
			}
			texts = []string{e.SQL}
		case clause.Select:
			if x, isText := e.Expression.(clause.Expr); isText {
				if !plainValues(x.Vars) {
					return nil, false
				}
				texts = []string{x.SQL}
			} else if e.Expression != nil || len(e.Columns) > 0 {
				return nil, false
			}
		default:
			return nil, false
		}
	}
	for _, text := range texts {
		more, known := s.outputItems(text)
		if !known {
			return nil, false
		}
		list = append(list, more...)
	}
	return list, len(list) > 0
}

// outputItems splits a select list at its commas.
func (s *Statement) outputItems(text string) (list []output, ok bool) {
	// GORM's placeholders are no engine's: they stand for a value wherever they are
	l := lexer{src: strings.ReplaceAll(text, "?", "0"), dialect: s.Dialect}
	if l.lex(); l.fault != "" || strings.ContainsRune(text, '@') {
		return nil, false
	}
	for _, item := range listItems(l.toks, 0, len(l.toks)) {
		o, known := s.output(l.src, l.toks[item[0]:item[1]])
		if !known {
			return nil, false
		}
		list = append(list, o)
	}
	return list, len(list) > 0
}

// output reads one item.
func (s *Statement) output(text string, toks []token) (o output, ok bool) {
	if len(toks) == 0 || !rowByRow(text, toks) {
		return o, false
	}
	word := func(i int) string { return text[toks[i].from:toks[i].to] }
	named := func(i int) bool { return toks[i].kind == tokName || toks[i].kind == tokQuoted }
	last := len(toks) - 1
	if o.star = toks[last].kind == tokStar && (last == 0 || toks[last-1].kind == tokDot); o.star {
		o.text = text[toks[0].from:toks[last].to]
		return o, last == 0 || last == 2
	}
	end := last + 1
	if n := end; n > 2 && named(n-1) && strings.EqualFold(word(n-2), "as") {
		o.name, end = unquoted(word(n-1)), n-2
	} else if n > 1 && named(n-1) && (toks[n-2].kind == tokQuoted || toks[n-2].kind == tokClose || toks[n-2].kind == tokName && n == 2 || n == 4 && toks[1].kind == tokDot && toks[2].kind != tokDot) {
		o.name, end = unquoted(word(n-1)), n-1
	}
	o.text = text[toks[0].from:toks[end-1].to]
	if o.field, o.table = s.fieldOf(o.text); o.field != nil && o.name == "" {
		o.name = o.field.DBName
	}
	return o, true
}

// rowByRow tells that tokens compute a value of one row.
func rowByRow(text string, toks []token) bool {
	for i, t := range toks {
		if t.kind != tokName {
			continue
		}
		name := strings.ToLower(text[t.from:t.to])
		switch name {
		case "select", "over", "filter", "within", "distinct", "from":
			return false
		}
		if i+1 < len(toks) && toks[i+1].kind == tokOpen && t.word == wordNone && !slices.Contains(scalars, name) {
			return false
		}
	}
	return true
}

// scalars are functions of one row on every engine that has them.
var scalars = []string{
	"abs", "cast", "ceil", "ceiling", "char_length", "coalesce", "concat", "concat_ws", "date", "exp", "extract", "floor", "ifnull", "instr", "isnull",
	"length", "ln", "lower", "ltrim", "mod", "nullif", "power", "replace", "round", "rtrim", "sign", "sqrt", "strftime", "substr", "substring",
	"to_char", "trim", "typeof", "upper", "date_trunc", "date_format", "year", "month", "day",
}

// ref is a column of the entity, or of a table beside it that is called of in the
// statement; table is nil for a reference entity's.
type ref struct {
	of    string
	field *schema.Field
	table *config.Table
}

// clause is the column as a clause has it.
func (r ref) clause() clause.Column {
	if r.of == "" {
		return clause.Column{Table: clause.CurrentTable, Name: r.field.DBName}
	}
	return clause.Column{Table: r.of, Name: r.field.DBName}
}

// columnOf finds the column of the entity, or of a table beside it, that a name is.
func (s *Statement) columnOf(name string) (r ref, ok bool) {
	if column, ok := s.columnName(name); ok {
		return ref{field: s.Table.Schema.LookUpField(column), table: s.Table}, true
	}
	parts, ok := splitName(name, s.Dialect)
	if !ok || len(parts) != 2 {
		return r, false
	}
	for i := range s.Others {
		if o := &s.Others[i]; o.Alias == unquoted(parts[0]) && o.Schema != nil {
			if f := o.Schema.LookUpField(parts[1]); f != nil && f.DBName == parts[1] {
				return ref{o.Alias, f, o.Table}, true
			}
		}
	}
	return r, false
}

// own is the name of a column of the entity, "" for another table's.
func (s *Statement) own(r ref) string {
	if r.of != "" {
		return ""
	}
	return r.field.DBName
}

// fieldOf is the field of columnOf, and its table.
func (s *Statement) fieldOf(name string) (*schema.Field, *config.Table) {
	r, _ := s.columnOf(name)
	return r.field, r.table
}

// ordersOf reads the ORDER BY of a statement whose results are put together by list, or
// says what of it can't be merged. renames tells that a key's name is not a column of the
// entity, or another one than it is in the result.
func (s *Statement) ordersOf(h *shape, list []output) (keys []OrderKey, renames bool, refusal string) {
	if !h.ordered {
		return nil, false, ""
	}
	by, known := s.Clauses["ORDER BY"].Expression.(clause.OrderBy)
	if c := s.Clauses["ORDER BY"]; !known || by.Expression != nil || c.Builder != nil || c.AfterExpression != nil || c.BeforeExpression != nil {
		return nil, false, "ORDER BY an expression"
	}
	for _, column := range by.Columns {
		parts := strings.Split(column.Column.Name, ",")
		for i, part := range parts {
			part, desc := strings.TrimSpace(part), column.Desc && i == len(parts)-1
			if t := column.Column.Table; t != "" && t != clause.CurrentTable {
				part = t + "." + part
			}
			if words := strings.Fields(part); column.Column.Raw && len(words) == 2 {
				switch strings.ToLower(words[1]) {
				case "desc":
					part, desc = words[0], true
				case "asc":
					part = words[0]
				}
			}
			o := s.ordered(part, list)
			if o == nil {
				return nil, false, "ORDER BY " + part + ", which is no selected column,"
			}
			if !s.of(o.table).comparesInGo(o.field) {
				return nil, false, "ORDER BY " + part + ", whose order is the database's own,"
			}
			f, t := s.fieldOf(part)
			renames = renames || f != o.field || t != s.Table
			keys = append(keys, OrderKey{Column: o.name, Desc: desc, NullsFirst: !s.Dialect.postgres() != desc})
		}
	}
	return keys, renames, ""
}

// ordered finds the one result column that an ORDER BY names; nil if it is not certain.
func (s *Statement) ordered(part string, list []output) *output {
	var found *output
	alias := unquoted(part)
	for i := range list {
		o := &list[i]
		f, t := s.fieldOf(part)
		same := !o.star && o.field != nil && (strings.EqualFold(o.name, alias) || f != nil && f == o.field && t == o.table && strings.EqualFold(o.text, part))
		if f != nil && t == s.Table && !same && o.field == f && o.table == t { // items.id and id
			same = true
		}
		switch {
		case !same:
		case found != nil:
			return nil
		default:
			found = o
		}
	}
	if found == nil || found.name == "" {
		return nil
	}
	for i := range list { // a second column of that name, perhaps of a star
		if o := &list[i]; o != found && (o.star || o.name == "" || strings.EqualFold(o.name, found.name)) {
			return nil
		}
	}
	return found
}
