package planner

import (
	"strings"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"
)

// RawRead is the text of a SELECT over one entity as the builder takes it, for rows that no
// single statement reaches.
type RawRead struct {
	// Distinct tells SELECT DISTINCT; Columns is the select list.
	Distinct bool
	Columns  clause.Expr
	// Where and Having are the conditions; nil if there are none.
	Where, Having []clause.Expression
	// Group and Order are the lists behind BY, without SQL if there are none; Group has no
	// placeholders.
	Group, Order clause.Expr
	// Limit and Offset are rows; -1 if the text does not say.
	Limit, Offset int
}

// Read takes a SELECT apart; ok is false where the builder would not say the same.
func (r *RawStatement) Read() (read *RawRead, ok bool) {
	p := r.parser
	if r.Operation != Select || p == nil || p.start > 0 || p.strange(r.Table.Schema) {
		return nil, false
	}
	read = &RawRead{Where: r.Where, Limit: -1, Offset: -1}
	first := 1
	if p.keyword(first, "distinct") {
		read.Distinct = true
		first++
	} else if p.keyword(first, "all") {
		first++
	}
	if p.keyword(first, "on", "top", "unique", "distinctrow") {
		return nil, false
	}
	if read.Columns, ok = p.part(first, r.from); !ok {
		return nil, false
	}
	for i := r.from + 1; i < len(p.toks); i++ {
		if p.toks[i].kind == tokOpen {
			i = int(p.toks[i].at)
			continue
		}
		if !p.keyword(i, rawClauses...) {
			continue
		}
		end := p.untilClause(i + 1)
		if !p.readClause(i, end, read) {
			return nil, false
		}
		i = end - 1
	}
	return read, true
}

// readClause reads one clause behind the table.
func (r *rawParser) readClause(i, end int, read *RawRead) (ok bool) {
	body := i + 1
	if r.keyword(i, "group", "order") {
		if body++; !r.keyword(i+1, "by") {
			return false
		}
	}
	switch {
	case r.keyword(i, "where"):
		return len(read.Where) == 1 && told(read.Where[0].(clause.Expr))
	case r.keyword(i, "group"):
		read.Group, ok = r.part(body, end)
		return ok && len(read.Group.Vars) == 0
	case r.keyword(i, "order"):
		read.Order, ok = r.part(body, end)
		return ok
	case r.keyword(i, "having"):
		having, ok := r.part(body, end)
		read.Having = []clause.Expression{having}
		return ok
	case r.keyword(i, "limit"):
		items := r.items(body, end)
		if len(items) == 2 { // LIMIT offset, count
			if read.Offset, ok = r.number(items[0]); !ok {
				return false
			}
			items = items[1:]
		}
		read.Limit, ok = r.number(items[0])
		return ok && len(items) == 1
	case r.keyword(i, "offset"):
		if r.keyword(end-1, "row", "rows") {
			end--
		}
		read.Offset, ok = r.number([2]int{body, end})
		return ok
	}
	return false
}

// part is the text of some tokens, if its placeholders can be told from all else.
func (r *rawParser) part(lo, hi int) (e clause.Expr, ok bool) {
	if hi <= lo {
		return e, false
	}
	e, ok = r.expression(lo, hi)
	return e, ok && told(e)
}

// told tells that every ? of the text is a placeholder, and none is named.
func told(e clause.Expr) bool {
	return strings.Count(e.SQL, "?") == len(e.Vars) && !strings.Contains(e.SQL, "@")
}

// number is a whole number, as a literal or a placeholder.
func (r *rawParser) number(item [2]int) (n int, ok bool) {
	v, ok := r.cell(item[0], item[1])
	if !ok {
		return 0, false
	}
	switch v := v.(type) {
	case int:
		n = v
	case int64:
		n = int(v)
	default:
		return 0, false
	}
	return n, n >= 0
}

// strange tells that a word of the text is the name of a field whose column has another
// one: the builder would take it for the field, the engine does not.
func (r *rawParser) strange(s *schema.Schema) bool {
	for i, t := range r.toks {
		if t.kind != tokName && t.kind != tokQuoted {
			continue
		}
		_, name := r.identifier(i)
		if f := s.FieldsByName[name]; f != nil && s.FieldsByDBName[name] == nil && !strings.EqualFold(f.DBName, name) {
			return true
		}
	}
	return false
}
