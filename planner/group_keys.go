package planner

import (
	"slices"
	"strconv"
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
	"github.com/go-dtde/dtde/merge"
)

// groupKeys reads the GROUP BY; ok is false unless it consists of columns and expressions
// whose equality is that of their Go values.
func (s *Statement) groupKeys(items []aggregate) (keys []aggregate, ok bool) {
	for _, name := range []string{"UNION", "WITH", "WINDOW"} {
		if c, present := s.Clauses[name]; present && (c.Expression != nil || c.Builder != nil) {
			return nil, false
		}
	}
	if c, present := s.Clauses["LIMIT"]; present && c.Expression != nil {
		if _, known := c.Expression.(clause.Limit); !known {
			return nil, false
		}
	}
	c, present := s.Clauses["GROUP BY"]
	if s.locks() || s.Table.Schema == nil {
		return nil, false
	}
	if !present || c.Expression == nil {
		return nil, true
	}
	by, known := c.Expression.(clause.GroupBy)
	if !known || len(by.Having) > 0 && len(by.Columns) == 0 || c.Builder != nil || c.BeforeExpression != nil || c.AfterExpression != nil || c.AfterNameExpression != nil {
		return nil, false
	}
	for _, column := range by.Columns {
		parts, ok := s.splitList(column.Name)
		if !ok {
			return nil, false
		}
		for _, part := range parts {
			if t := column.Table; t != "" && t != clause.CurrentTable {
				part = t + "." + part
			}
			key, ok := s.groupKey(part, items)
			if !ok {
				return nil, false
			}
			keys = append(keys, key)
		}
	}
	return keys, true
}

// groupKey reads one key: a column, an expression, or the alias of a selected one.
func (s *Statement) groupKey(part string, items []aggregate) (key aggregate, ok bool) {
	if r, isColumn := s.columnOf(part); isColumn {
		return aggregate{text: part, argument: part, function: merge.Key, ref: r, column: s.own(r)}, s.of(r.table).equalsInGo(r.field)
	}
	if at := slices.IndexFunc(items, func(a aggregate) bool { return a.alias != "" && strings.EqualFold(a.alias, unquoted(part)) }); at >= 0 {
		for i := range s.Others { // whose column it would be rather than the alias
			if o := s.Others[i].Schema; o == nil || o.LookUpField(unquoted(part)) != nil {
				return key, false
			}
		}
		if items[at].function != merge.Key {
			return key, false
		}
		part = items[at].argument
		if r, isColumn := s.columnOf(part); isColumn {
			return aggregate{text: part, argument: part, function: merge.Key, ref: r, column: s.own(r)}, s.of(r.table).equalsInGo(r.field)
		}
	}
	_, ok = s.keyable(part)
	return aggregate{text: part, argument: part, function: merge.Key}, ok
}

// splitList splits text at the commas between its items.
func (s *Statement) splitList(text string) (parts []string, ok bool) {
	l := lexer{src: text, dialect: s.Dialect}
	if l.lex(); l.fault != "" || strings.ContainsAny(text, "?@") || len(l.toks) == 0 {
		return nil, false
	}
	for _, item := range listItems(l.toks, 0, len(l.toks)) {
		if item[0] == item[1] {
			return nil, false
		}
		parts = append(parts, text[l.toks[item[0]].from:l.toks[item[1]-1].to])
	}
	return parts, true
}

// groups tells that an item is a key of the GROUP BY.
func (a *aggregate) groups(key aggregate) bool {
	if a.ref.field != nil || key.ref.field != nil {
		return a.ref == key.ref
	}
	return sameText(a.argument, key.argument)
}

// sameText compares expressions but for spaces and, where no literal or quoted name is in
// them, for letters' case.
func sameText(a, b string) bool {
	plain := func(text string) string {
		if strings.ContainsAny(text, "'\"`") {
			return strings.TrimSpace(text)
		}
		return strings.ToLower(strings.Join(strings.Fields(text), ""))
	}
	return plain(a) == plain(b)
}

// equalsInGo tells whether the column's values are equal in Go exactly if they are in
// the database. PostgreSQL compares text by its bytes for equality, unless a column's
// declaration says otherwise. Numbers of single precision may be shown shorter than they are.
func (s *Statement) equalsInGo(f *schema.Field) bool {
	if i := s.Table.KeyIndex(f.DBName); i >= 0 && s.Table.Keys[i].BytesEqual {
		return true
	}
	_, typed := f.TagSettings["TYPE"]
	return s.comparesInGo(f) || s.isDecimal(f) || !typed && f.Serializer == nil && f.DataType == schema.Float && f.Size != 32 ||
		s.Dialect.postgres() && !typed && f.Serializer == nil && config.KindOf(f) == config.KindString && s.Table.StrategyName != "manual"
}

// ordersInGo tells whether the column's values order in Go as in the database, numbers
// of every kind among them.
func (s *Statement) ordersInGo(f *schema.Field) bool {
	_, typed := f.TagSettings["TYPE"]
	return s.comparesInGo(f) || s.isDecimal(f) || !typed && f.Serializer == nil && f.DataType == schema.Float
}

// exactDecimals are how many digits of a decimal SQLite keeps for certain.
const exactDecimals = 15

// isDecimal tells a column that is declared as decimal(p, s): equal values look alike.
func (s *Statement) isDecimal(f *schema.Field) bool {
	kind, rest, bounded := strings.Cut(strings.ToLower(f.TagSettings["TYPE"]), "(")
	if kind = strings.TrimSpace(kind); !bounded || kind != "decimal" && kind != "numeric" || f.Serializer != nil || s.Table.StrategyName == "manual" {
		return false
	}
	digits, after, scaled := strings.Cut(rest, ",")
	_, after, closed := strings.Cut(after, ")")
	n, err := strconv.Atoi(strings.TrimSpace(digits))
	return scaled && closed && strings.TrimSpace(after) == "" && err == nil && (n <= exactDecimals || !s.Dialect.sqlite())
}

// countable tells whether different values of a column or expression can be counted in Go.
func (s *Statement) countable(text string) bool {
	if r, ok := s.columnOf(text); ok {
		of := s.of(r.table)
		return of.equalsInGo(r.field) || of.ordersInGo(r.field)
	}
	_, ok := s.keyable(text)
	return ok
}

// Functions whose result is a number whatever they are given, those whose result is what
// they are given, and those whose result is text or a time.
var (
	numberFunctions = []string{"abs", "ceil", "ceiling", "char_length", "day", "exp", "extract", "floor", "instr", "length", "ln", "mod", "month", "power", "round", "sign", "sqrt", "year"}
	choiceFunctions = []string{"coalesce", "ifnull", "nullif"}
	textFunctions   = []string{"date", "date_trunc", "lower", "ltrim", "replace", "rtrim", "strftime", "substr", "substring", "to_char", "trim", "upper"}
)

// keyable tells whether the values of an expression of one row's columns are equal in Go
// exactly if the database holds them for equal. number tells that they are numbers or
// truth values for certain, whose order is known, too. Text is compared by its bytes by
// PostgreSQL and SQLite, unless a column in the expression is declared otherwise.
func (s *Statement) keyable(text string) (number, ok bool) {
	l := lexer{src: text, dialect: s.Dialect}
	if l.lex(); l.fault != "" || strings.ContainsAny(text, "?@") || !rowByRow(text, l.toks) {
		return false, false
	}
	number, columns := true, 0
	bytewise := s.Dialect.postgres() || s.Dialect.sqlite()
	for i := 0; i < len(l.toks); i++ {
		t := l.toks[i]
		word := text[t.from:t.to]
		switch t.kind {
		case tokString:
			number = false
			continue
		case tokOther:
			number = number && strings.Trim(word, "+/%*0123456789.") == ""
			continue
		case tokComma: // of a function's arguments, or a row of several values
			if !inCall(text, l.toks, i) {
				return false, false
			}
			continue
		case tokBreaker, tokOpaque, tokColumn, tokValue:
			return false, false
		case tokName, tokQuoted:
		default:
			continue
		}
		name := strings.ToLower(word)
		switch {
		case t.kind == tokName && name == "when": // a condition decides which value, not of what kind it is
			if i = conditionEnd(text, l.toks, i); i < 0 {
				return false, false
			}
			columns++
			continue
		case t.kind == tokName && (t.word != wordNone || name == "else" || name == "like"):
			continue
		case i+1 < len(l.toks) && l.toks[i+1].kind == tokOpen:
			switch {
			case slices.Contains(numberFunctions, name):
				i, columns = int(l.toks[i+1].at), columns+1
			case slices.Contains(textFunctions, name):
				number = false
			case !slices.Contains(choiceFunctions, name):
				return false, false
			}
			continue
		}
		last := i
		for last+2 < len(l.toks) && l.toks[last+1].kind == tokDot {
			last += 2
		}
		r, known := s.columnOf(text[t.from:l.toks[last].to])
		if !known {
			return false, false
		}
		i, columns = last, columns+1
		if of := s.of(r.table); !isNumber(r.field) || r.field.DataType == schema.Float && r.field.Size == 32 {
			number = false
			bytewise = bytewise && (of.equalsInGo(r.field) || r.field.DataType == schema.Time && r.field.TagSettings["TYPE"] == "")
		}
	}
	return number && columns > 0, columns > 0 && (number || bytewise)
}

// inCall tells that the innermost parenthesis around a token is a function's.
func inCall(text string, toks []token, at int) bool {
	for i := at - 1; i > 0; i-- {
		if toks[i].kind == tokOpen && int(toks[i].at) > at {
			name := strings.ToLower(text[toks[i-1].from:toks[i-1].to])
			return toks[i-1].kind == tokName && (slices.Contains(textFunctions, name) || slices.Contains(choiceFunctions, name))
		}
	}
	return false
}

// isNumber tells a column of numbers or truth values.
func isNumber(f *schema.Field) bool {
	if _, typed := f.TagSettings["TYPE"]; typed || f.Serializer != nil {
		return false
	}
	switch f.DataType {
	case schema.Int, schema.Uint, schema.Float, schema.Bool:
		return true
	}
	return false
}

// conditionEnd finds the THEN of a WHEN; -1 if there is none.
func conditionEnd(text string, toks []token, when int) int {
	for i := when + 1; i < len(toks); i++ {
		switch t := toks[i]; {
		case t.kind == tokOpen || t.kind == tokName && t.word == wordCase:
			i = int(t.at)
		case t.kind == tokName && strings.EqualFold(text[t.from:t.to], "then"):
			return i
		}
	}
	return -1
}
