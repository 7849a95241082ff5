package planner

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// Partials says how the branches of a union answer a statement with aggregates in part
// (COUNT, SUM, MIN, MAX and AVG decompose), so that groups and not rows come out of
// them, and what the statement around the branches makes of the parts. It keeps
// names and types of the statement's columns.
type Partials struct {
	// Branch is the select list of each branch, Group its GROUP BY.
	Branch []clause.Expression
	Group  []clause.Column
	// Select is the select list of the statement around the branches, Having and Order
	// take the place of the conditions and keys of its HAVING and ORDER BY.
	Select []clause.Expression
	Having []clause.Expression
	Order  []clause.OrderByColumn
}

// partials gives the parts in which the branches of a union answer the statement; nil
// if they can't, or need not.
func (s *Statement) partials(h *shape) *Partials {
	if h.plain && !h.grouped || h.distinct || s.Distinct || s.joins() || s.Table.Schema == nil || s.Dialect.sqlserver() || !s.bareClauses() {
		return nil
	}
	if _, ok := s.where(); !ok {
		return nil
	}
	w := partialWriter{s: s, made: map[string]int{}, p: &Partials{}}
	if !w.group() || !w.selected() || !w.having() || !w.order() || len(w.made) == 0 && len(w.keys) == 0 {
		return nil
	}
	return w.p
}

// bareClauses tells that nothing but the entity's rows, groups, order and limit make the
// answer, and that no text stands beside the clauses that would be replaced.
func (s *Statement) bareClauses() bool {
	for name := range s.Clauses {
		switch name {
		case "SELECT", "GROUP BY", "ORDER BY":
			c := s.Clauses[name]
			if c.Builder != nil || c.AfterExpression != nil || c.BeforeExpression != nil || c.AfterNameExpression != nil {
				return false
			}
		case "LIMIT":
			if c := s.Clauses[name]; c.Expression != nil {
				if _, known := c.Expression.(clause.Limit); !known {
					return false
				}
			}
		case "UNION", "WITH", "WINDOW", "FOR":
			if c := s.Clauses[name]; c.Expression != nil || c.Builder != nil {
				return false
			}
		}
	}
	return true
}

// partialWriter replaces aggregates by what merges their parts.
type partialWriter struct {
	s       *Statement
	p       *Partials
	keys    []string // the GROUP BY's columns
	aliases []string
	made    map[string]int // positions of parts, by their text
}

// partialName names a part; names that begin so are dtde's own.
func partialName(i int) string { return "dtde_" + strconv.Itoa(i) }

// group reads the GROUP BY: columns of the entity.
func (w *partialWriter) group() bool {
	c, present := w.s.Clauses["GROUP BY"]
	if !present || c.Expression == nil {
		return true
	}
	by, known := c.Expression.(clause.GroupBy)
	if !known {
		return false
	}
	for _, column := range by.Columns {
		for part := range strings.SplitSeq(column.Name, ",") {
			if t := column.Table; t != "" && t != clause.CurrentTable && t != w.s.alias() {
				return false
			}
			key, ok := w.s.columnName(strings.TrimSpace(part))
			if !ok || w.s.Table.Schema.LookUpField(key).PrimaryKey && len(w.s.Table.Schema.PrimaryFields) == 1 {
				return false // with groups as small as a row the parts would be as many
			}
			if !slices.Contains(w.keys, key) {
				w.keys = append(w.keys, key)
				grouped := clause.Column{Table: clause.CurrentTable, Name: key}
				w.p.Group = append(w.p.Group, grouped)
				w.p.Branch = append(w.p.Branch, clause.Expr{SQL: "?", Vars: []any{grouped}})
			}
		}
	}
	return true
}

// selected reads what is selected.
func (w *partialWriter) selected() bool {
	names := w.s.Selects
	if c, present := w.s.Clauses["SELECT"]; present && c.Expression != nil {
		switch e := c.Expression.(type) {
		case clause.Select:
			if e.Expression != nil || e.Distinct {
				return false
			}
			if len(e.Columns) > 0 {
				names = nil
			}
			for _, column := range e.Columns {
				if column.Alias != "" || column.Table != "" {
					return false
				}
				names = append(names, column.Name)
			}
		case clause.Expr:
			return w.expr(e)
		default:
			return false
		}
	}
	for _, name := range names {
		if !w.items(name) {
			return false
		}
	}
	return len(names) > 0
}

// expr reads a select list of text; with a column in it that is GORM's Count.
func (w *partialWriter) expr(e clause.Expr) bool {
	if len(e.Vars) == 0 {
		return w.items(e.SQL)
	}
	items, ok := w.s.aggregateText(e)
	if !ok || len(items) != 1 || !w.decomposes(&items[0]) {
		return false
	}
	merged := w.merged(&items[0], items[0].column, clause.Expr{SQL: e.SQL, Vars: e.Vars})
	w.p.Select = append(w.p.Select, clause.Expr{SQL: merged})
	return true
}

// items reads text of select items, separated by commas.
func (w *partialWriter) items(text string) bool {
	l := lexer{src: text, dialect: w.s.Dialect}
	if l.lex(); l.fault != "" || strings.ContainsAny(text, "?@") {
		return false
	}
	from, depth := 0, 0
	for i, t := range l.toks {
		switch t.kind {
		case tokOpen:
			depth++
		case tokClose:
			depth--
		}
		if end := i == len(l.toks)-1; end || t.kind == tokComma && depth == 0 {
			if end {
				i++
			}
			if !w.item(text, l.toks[from:i], from) {
				return false
			}
			from = i + 1
		}
	}
	return true
}

// item reads one select item.
func (w *partialWriter) item(text string, toks []token, base int) bool {
	if len(toks) == 0 {
		return false
	}
	whole := text[toks[0].from:toks[len(toks)-1].to]
	body, alias := aliasOf(text, toks)
	if alias == "" {
		if column, ok := w.s.columnName(whole); ok {
			if !slices.Contains(w.keys, column) {
				return false
			}
			w.p.Select = append(w.p.Select, clause.Expr{SQL: "?", Vars: []any{clause.Column{Table: clause.CurrentTable, Name: column}}})
			return true
		}
	} else if name := unquoted(alias); w.namesColumn(name) {
		return false // the statement around the branches could take it for the column, or the other way round
	} else {
		w.aliases = append(w.aliases, name)
	}
	replaced, ok := w.replace(text, body, base, nil)
	if !ok {
		return false
	}
	if alias == "" {
		if alias, ok = w.resultName(whole, text, body); !ok {
			return false
		}
	}
	w.p.Select = append(w.p.Select, clause.Expr{SQL: replaced + " AS " + alias})
	return true
}

// namesColumn tells a name that is a column's, too.
func (w *partialWriter) namesColumn(name string) bool {
	return slices.ContainsFunc(w.s.Table.Schema.Fields, func(f *schema.Field) bool {
		return strings.EqualFold(f.DBName, name) || strings.EqualFold(f.Name, name)
	})
}

// aliasOf takes `AS alias` off an item; alias is as it stands in the text.
func aliasOf(text string, toks []token) (body []token, alias string) {
	n := len(toks)
	last := toks[n-1]
	if n < 2 || last.kind != tokName && last.kind != tokQuoted || last.word != wordNone {
		return toks, ""
	}
	switch before := toks[n-2]; {
	case n > 2 && before.kind == tokName && strings.EqualFold(text[before.from:before.to], "as"):
		return toks[:n-2], text[last.from:last.to]
	case before.kind == tokClose:
		return toks[:n-1], text[last.from:last.to]
	}
	return toks, ""
}

// resultName is the name that the engine gives to an item without alias, quoted.
func (w *partialWriter) resultName(whole, text string, body []token) (string, bool) {
	if w.s.Dialect.postgres() { // a function's name, or ?column?
		if body[0].kind != tokName || len(body) < 3 || body[1].kind != tokOpen || body[len(body)-1].kind != tokClose {
			return "", false
		}
		depth := 0
		for i, t := range body[1:] {
			switch t.kind {
			case tokOpen:
				depth++
			case tokClose:
				if depth--; depth == 0 && i+1 < len(body)-1 {
					return "", false
				}
			}
		}
		return `"` + strings.ToLower(text[body[0].from:body[0].to]) + `"`, true
	}
	const longest = 64 // MariaDB's names
	if len(whole) > longest || strings.ContainsAny(whole, "`\"\\'") {
		return "", false
	}
	return "`" + whole + "`", true
}

// having reads the HAVING.
func (w *partialWriter) having() bool {
	by, _ := w.s.Clauses["GROUP BY"].Expression.(clause.GroupBy)
	for _, e := range by.Having {
		x, isText := e.(clause.Expr)
		if !isText || !plainValues(x.Vars) {
			return false
		}
		text, ok := w.text(x.SQL, w.aliases)
		if !ok {
			return false
		}
		x.SQL = text
		w.p.Having = append(w.p.Having, x)
	}
	return true
}

// order reads the ORDER BY.
func (w *partialWriter) order() bool {
	by, known := w.s.Clauses["ORDER BY"].Expression.(clause.OrderBy)
	if !known {
		return w.s.Clauses["ORDER BY"].Expression == nil
	}
	if by.Expression != nil {
		return false
	}
	for _, column := range by.Columns {
		switch {
		case column.Column.Raw:
			text, ok := w.text(column.Column.Name, w.aliases)
			if !ok {
				return false
			}
			column.Column.Name = text
		case column.Column.Table != "" && column.Column.Table != clause.CurrentTable || column.Column.Alias != "":
			return false
		case !slices.Contains(w.keys, column.Column.Name) && !slices.Contains(w.aliases, column.Column.Name):
			return false
		}
		w.p.Order = append(w.p.Order, column)
	}
	return true
}

// text replaces the aggregates of a text.
func (w *partialWriter) text(text string, aliases []string) (string, bool) {
	l := lexer{src: text, dialect: w.s.Dialect}
	if l.lex(); l.fault != "" || strings.Contains(text, "@") {
		return "", false
	}
	return w.replace(text, l.toks, 0, aliases)
}

// scalarFunctions are functions of one row's values that a statement around the
// branches computes of merged parts just so.
var scalarFunctions = []string{"coalesce", "ifnull", "nullif", "abs", "round", "floor", "ceil", "ceiling", "greatest", "least"}

// plainWords are keywords that mean the same there.
var plainWords = []string{"asc", "desc", "nulls", "first", "last", "then", "when", "else", "like"}

// replace replaces the aggregates of an expression by what merges their parts. ok is
// false if anything in it is unknown, or would not be there outside of the branches.
func (w *partialWriter) replace(text string, toks []token, base int, aliases []string) (replaced string, ok bool) {
	if len(toks) == 0 {
		return "", false
	}
	var b strings.Builder
	at := int(toks[0].from)
	for i := 0; i < len(toks); i++ {
		t := toks[i]
		switch t.kind {
		case tokName, tokQuoted:
		case tokOther:
			if text[t.from:t.to] == "?" || strings.Trim(text[t.from:t.to], "+/%0123456789.") == "" {
				continue
			}
			return "", false
		case tokBreaker, tokOpaque, tokColumn:
			return "", false
		default:
			continue
		}
		word := text[t.from:t.to]
		if i+1 < len(toks) && toks[i+1].kind == tokOpen && t.kind == tokName && t.word == wordNone {
			end := int(toks[i+1].at) - base
			switch {
			case end <= i+1 || end >= len(toks):
				return "", false
			case aggregating(word):
				item, known := w.s.aggregateItem(text, toks[i:end+1], base+i)
				if !known || strings.Contains(item.argument, "?") || !w.decomposes(&item) {
					return "", false
				}
				call := text[t.from:toks[end].to]
				b.WriteString(text[at:t.from])
				b.WriteString(w.merged(&item, call, clause.Expr{SQL: call}))
				at, i = int(toks[end].to), end
			case !slices.Contains(scalarFunctions, strings.ToLower(word)):
				return "", false
			}
			continue
		}
		if t.kind == tokName && (t.word != wordNone || slices.Contains(plainWords, strings.ToLower(word))) {
			continue
		}
		last := i
		for last+2 < len(toks) && toks[last+1].kind == tokDot {
			last += 2
		}
		name := text[t.from:toks[last].to]
		column, isColumn := w.s.columnName(name)
		if !(isColumn && slices.Contains(w.keys, column)) && !slices.ContainsFunc(aliases, func(a string) bool { return strings.EqualFold(a, unquoted(name)) }) {
			return "", false
		}
		i = last
	}
	b.WriteString(text[at:toks[len(toks)-1].to])
	return b.String(), true
}
