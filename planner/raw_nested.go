package planner

import (
	"slices"
	"strings"

	"github.com/go-dtde/dtde/config"
)

// nestedRef is an entity's table in a subquery of an UPDATE or DELETE.
type nestedRef struct {
	table    *config.Table
	from, to int // bytes of the text
	aliased  bool
}

// verb is the token at which the statement begins, behind WITH and its queries.
func (r *rawParser) verb() int {
	if !r.keyword(0, "with") {
		return 0
	}
	for i := 1; i < len(r.toks); i++ {
		switch {
		case r.toks[i].kind == tokOpen:
			i = int(r.toks[i].at)
		case r.keyword(i, "select", "insert", "update", "delete", "values", "merge", "replace"):
			return i
		}
	}
	return 0
}

// nests tells whether one of several tables is what an UPDATE or DELETE writes to, and all
// others stand in its subqueries and WITH queries. That one becomes the first.
func (r *rawParser) nests(refs []reference) bool {
	own := slices.IndexFunc(refs, func(ref reference) bool { return r.depth(ref.first) == 0 })
	if own < 0 || !r.keyword(r.verb(), "update", "delete") {
		return false
	}
	written := refs[own]
	copy(refs[1:own+1], refs[:own])
	refs[0] = written
	return !slices.ContainsFunc(refs[1:], func(ref reference) bool { return r.depth(ref.first) == 0 })
}

// nest notes what the subqueries of an UPDATE or DELETE read. They may only read: on
// several shards each runs again.
func (r *rawParser) nest(refs []reference, out *RawStatement) error {
	if !out.Nests {
		return nil
	}
	for i := range r.toks {
		if r.keyword(i, "insert", "update", "delete", "merge") && r.begins(i) && r.depth(i) > 0 {
			return rawRefusal(out.Table.Name, "raw-shape", "SQL text with a query that writes, too")
		}
	}
	if len(refs) == 0 {
		return nil
	}
	if err := r.onlyRead(refs); err != nil {
		return err
	}
	for _, ref := range refs {
		out.nested = append(out.nested, nestedRef{
			ref.table, int(r.toks[ref.first].from), int(r.toks[ref.end-1].to), r.aliased(ref.end),
		})
	}
	return nil
}

// hidden tells whether the token i stands in a subquery that has a table of that name, so
// that the name before a column there is not that of the statement's own. A column of the
// name counts, too: then the engine finds none, instead of a wrong one.
func (r *rawParser) hidden(name string, i int) bool {
	for open := i - 1; open >= 0; open-- {
		if r.toks[open].kind != tokOpen || int(r.toks[open].at) < i {
			continue
		}
		for k := open + 1; k < int(r.toks[open].at); k++ {
			t := r.toks[k]
			if t.kind == tokOpen && r.keyword(k+1, "select", "with") {
				k = int(t.at) // its names are its own
				continue
			}
			if t.kind != tokName && t.kind != tokQuoted || r.toks[k+1].kind == tokDot {
				continue
			}
			if _, word := r.identifier(k); equalFold(word, name) {
				return true
			}
		}
	}
	return false
}

// Reading is the statement with every entity's table that its subqueries read replaced by
// what source gives for it, as [RewriteTables] does.
func (r *RawStatement) Reading(quote func(string) string, source func(*config.Table) (string, error)) (*RawStatement, error) {
	if len(r.nested) == 0 {
		return r, nil
	}
	var b strings.Builder
	at := 0
	var ends, added []int // what the text has grown by, behind each table's name
	for _, ref := range r.nested {
		derived, err := source(ref.table)
		if err != nil {
			return nil, err
		}
		b.WriteString(r.SQL[at:ref.from] + derived)
		if !ref.aliased {
			b.WriteString(" AS " + quote(ref.table.LogicalName))
		}
		at = ref.to
		ends, added = append(ends, at), append(added, b.Len()-at)
	}
	b.WriteString(r.SQL[at:])
	shift := func(pos int) int {
		if n, _ := slices.BinarySearch(ends, pos+1); n > 0 {
			return pos + added[n-1]
		}
		return pos
	}
	copied := *r
	copied.SQL, copied.nested = b.String(), nil
	copied.NamePositions = slices.Clone(r.NamePositions)
	for i, p := range r.NamePositions {
		copied.NamePositions[i].From, copied.NamePositions[i].To = shift(p.From), shift(p.To)
	}
	copied.params = slices.Clone(r.params)
	for i, p := range r.params {
		copied.params[i].from, copied.params[i].to = int32(shift(int(p.from))), int32(shift(int(p.to)))
	}
	write := *r.Write
	for _, part := range []*TextRange{&write.Head, &write.With, &write.Where, &write.Order, &write.Limit, &write.Returning} {
		part.From, part.To = shift(part.From), shift(part.To)
	}
	copied.Write = &write
	return &copied, nil
}
