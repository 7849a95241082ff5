package planner

import (
	"sort"
	"strconv"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// RawWrite says where the parts of an UPDATE or DELETE stand in its text; those that are
// not there are empty.
type RawWrite struct {
	// Head is what stands before WHERE, ORDER BY, LIMIT and RETURNING.
	Head TextRange
	// With is the part of it with the WITH queries.
	With TextRange
	// Where, Order, Limit and Returning are these clauses, with their keywords.
	Where, Order, Limit, Returning TextRange
	// offset tells that LIMIT has an offset.
	offset bool
}

// writePart notes a clause of an UPDATE or DELETE; ORDER BY and LIMIT only where the engine
// takes them there.
func (r *rawParser) writePart(i int, part TextRange, w *RawWrite) bool {
	switch {
	case r.keyword(i, "returning"):
		w.Returning = part
	case !r.dialect.mysql() || r.keyword(0, "select"):
		return false
	case r.keyword(i, "order"):
		w.Order = part
	case r.keyword(i, "limit"):
		w.Limit = part
		w.offset = strings.Contains(r.src[part.From:part.To], ",")
	default:
		return false
	}
	return true
}

// LimitClauses gives a statement the ORDER BY and LIMIT of the text, as far as the planner
// of writes wants to know of them.
func (r *RawStatement) LimitClauses(s *Statement) {
	if r.Write == nil {
		return
	}
	s.WriteLimits = s.Dialect.mysql()
	if at := r.Write.Order; at != (TextRange{}) {
		s.Clauses["ORDER BY"] = clause.Clause{Expression: clause.OrderBy{Expression: clause.Expr{SQL: r.SQL[at.From:at.To]}}}
	}
	if r.Write.Limit != (TextRange{}) {
		one, offset := 1, 0
		if r.Write.offset {
			offset = 1
		}
		s.Clauses["LIMIT"] = clause.Clause{Expression: clause.Limit{Limit: &one, Offset: offset}}
	}
}

// RawText puts parts of a statement's text together anew, for one shard: the table's name
// becomes the shard's, and placeholders are numbered as they come. It is for one use.
type RawText struct {
	from  *RawStatement
	args  []any
	d     Dialect
	shard *config.Shard
	quote func(string) string

	b    strings.Builder
	vars []any
}

// Text begins a text for a shard; nil leaves the names as they are. args are the
// statement's own, quote quotes one part of a name.
func (r *RawStatement) Text(d Dialect, shard *config.Shard, args []any, quote func(string) string) *RawText {
	return &RawText{from: r, args: args, d: d, shard: shard, quote: quote}
}

// Write adds text of one's own.
func (t *RawText) Write(text string) { t.b.WriteString(text) }

// Bind adds a placeholder for a value.
func (t *RawText) Bind(v any) {
	t.vars = append(t.vars, v)
	switch {
	case t.d.postgres():
		t.b.WriteString("$" + strconv.Itoa(len(t.vars)))
	case t.d.sqlserver():
		t.b.WriteString("@p" + strconv.Itoa(len(t.vars)))
	default:
		t.b.WriteByte('?')
	}
}

// Copy adds a part of the statement's text with its arguments.
func (t *RawText) Copy(part TextRange) {
	names := t.from.NamePositions
	n := sort.Search(len(names), func(i int) bool { return names[i].From >= part.From })
	params := t.from.params
	p := sort.Search(len(params), func(i int) bool { return int(params[i].from) >= part.From })
	at := part.From
	for {
		name, param := part.To, part.To
		if n < len(names) && t.shard != nil {
			name = names[n].From
		}
		if p < len(params) {
			param = int(params[p].from)
		}
		switch {
		case name < part.To && name < param:
			t.b.WriteString(t.from.SQL[at:name])
			if ns := t.shard.Namespace(); ns != "" {
				t.b.WriteString(t.quote(ns) + ".")
			}
			t.b.WriteString(t.quote(t.shard.Name()))
			if names[n].Alias {
				t.b.WriteString(" AS " + t.quote(t.from.Alias))
			}
			at = names[n].To
			n++
		case param < part.To:
			t.b.WriteString(t.from.SQL[at:param])
			t.Bind(t.args[params[p].at])
			at = int(params[p].to)
			p++
		default:
			t.b.WriteString(t.from.SQL[at:part.To])
			return
		}
	}
}

// Result is the text and its arguments.
func (t *RawText) Result() (text string, vars []any) { return t.b.String(), t.vars }
