package planner

import (
	"slices"
	"strings"

	"gorm.io/gorm/clause"

	"github.com/go-dtde/dtde/config"
)

// RawStatement is SQL text over exactly one entity. It does not change.
type RawStatement struct {
	// Operation is Select, Insert, Update or Delete.
	Operation Operation
	Table     *config.Table
	// Alias is the name under which the table stands in the text.
	Alias string
	// Where is the WHERE clause with its own arguments, placeholders turned into ?;
	// nil if there is none.
	Where []clause.Expression
	// Set are the assignments of an update; one of anything else than a literal or a
	// placeholder has a clause.Expr value.
	Set clause.Set
	// Values are the rows of INSERT … VALUES; cells that are neither literals nor
	// placeholders have a clause.Expr value.
	Values *clause.Values
	// Limited tells that the statement has ORDER BY, LIMIT, GROUP BY, DISTINCT or
	// functions in its select list, so that the shards' results are not simply
	// put together. Not so ORDER BY and LIMIT of an UPDATE or DELETE where the engine has
	// them: Write says where they stand.
	Limited bool
	// Write says where the parts of an UPDATE or DELETE stand; nil for other statements.
	Write *RawWrite
	// Insert says where the parts of an INSERT stand; nil for other statements.
	Insert *RawInsert
	// SQL is the text as it came; NamePositions are the byte ranges in it of the
	// table's name, in ascending order, to be replaced by the shard's.
	SQL           string
	NamePositions []NamePosition
	// Nests tells that an UPDATE or DELETE has subqueries; [RawStatement.Reading] replaces
	// the entities' tables that they read.
	Nests bool

	parser *rawParser  // of the whole text
	from   int         // the token FROM of a SELECT
	params []token     // placeholders, in the order of the text
	nested []nestedRef // entities' tables in subqueries, in the order of the text
}

// NamePosition is the byte range [From, To) of a table name in a text.
type NamePosition struct {
	From, To int
	// Alias tells that " AS alias" must follow the physical name, so that the text's
	// qualifiers stay valid.
	Alias bool
}

// Render is the text aimed at a shard; quote quotes one part of a name. The
// placeholders stay where they are.
func (r *RawStatement) Render(shard *config.Shard, quote func(string) string) string {
	var b strings.Builder
	at := 0
	for _, p := range r.NamePositions {
		b.WriteString(r.SQL[at:p.From])
		if ns := shard.Namespace(); ns != "" {
			b.WriteString(quote(ns) + ".")
		}
		b.WriteString(quote(shard.Name()))
		if p.Alias {
			b.WriteString(" AS " + quote(r.Alias))
		}
		at = p.To
	}
	b.WriteString(r.SQL[at:])
	return b.String()
}

// AnalyzeRaw finds out what SQL text, as it goes to the engine, does to the catalog's
// entities. (nil, nil) means that it names none of their logical tables, found
// without allocating when their names do not occur at all. Text over one entity and
// nothing else gives a statement, and so does an UPDATE or DELETE whose subqueries read
// more of them; all other text is a *config.UnsupportedError.
func AnalyzeRaw(c *config.Catalog, d Dialect, sql string, args []any) (*RawStatement, error) {
	if c == nil || !mentions(c, sql) {
		return nil, nil
	}
	r, err := parseRaw(c, d, sql, args)
	if err != nil {
		return nil, err
	}
	refs := r.references()
	into, insert := r.inserts()
	switch {
	case len(refs) == 0:
		return nil, nil
	case insert && refs[0].first == into:
	case len(refs) > 1:
		refs = slices.DeleteFunc(refs, func(ref reference) bool { return r.isAlias(ref.first) })
		if !r.nests(refs) {
			return nil, rawRefusal(refs[0].table.Name, "raw-tables", "SQL text that names sharded tables more than once")
		}
	}
	return r.statement(refs)
}

// parseRaw takes a text apart, behind its EXPLAIN and without the semicolon at its end.
func parseRaw(c *config.Catalog, d Dialect, sql string, args []any) (*rawParser, error) {
	r := &rawParser{catalog: c, dialect: d, args: args, sql: strings.TrimRight(sql, " \t\r\n;")}
	for {
		l := lexer{src: r.sql[r.start:], dialect: d, params: true}
		if l.lex(); l.fault != "" {
			return nil, rawRefusal("", "raw-text", "SQL text with "+l.fault+" that names a sharded table")
		}
		r.analyser = analyser{src: l.src, toks: l.toks}
		behind := 0
		if r.start == 0 {
			behind = r.explained()
		}
		if behind == 0 {
			return r, nil
		}
		r.start = int(r.toks[behind].from)
	}
}

// explained is the token at which the query of EXPLAIN begins; 0 if the text is none, or
// explains something else than a query.
func (r *rawParser) explained() int {
	if !r.keyword(0, "explain", "analyze", "describe", "desc") {
		return 0
	}
	i := 1
	for i < len(r.toks) {
		switch {
		case r.keyword(i, "analyze", "verbose", "extended", "partitions", "query", "plan"):
			i++
		case r.keyword(i, "format"): // FORMAT = JSON
			i += 3
		case r.toks[i].kind == tokOpen && !r.keyword(i+1, "select", "with", "values"): // options
			i = int(r.toks[i].at) + 1
		case r.keyword(i, "select"), r.keyword(i, "with") && !r.writesInside(i), r.toks[i].kind == tokOpen:
			return i
		default:
			return 0
		}
	}
	return 0
}

// writesInside tells whether a word that writes stands behind the token i.
func (r *rawParser) writesInside(i int) bool {
	for ; i < len(r.toks); i++ {
		if r.keyword(i, "insert", "update", "delete", "merge", "replace") {
			return true
		}
	}
	return false
}

func rawRefusal(entity, reason, problem string) error {
	return &config.UnsupportedError{
		Entity: entity, Reason: reason, Problem: problem,
		Hint: "use the builder, or the shard's own table name",
	}
}

// joined refuses a write that joins.
func joined(ref reference, problem string) error {
	return &config.UnsupportedError{
		Entity: ref.table.Name, Reason: "raw-shape", Problem: problem,
		Hint: "say by a subquery what the other table decides: WHERE id IN (SELECT …), SET x = (SELECT …)",
	}
}

// mentions tells whether any logical name occurs as a word.
func mentions(c *config.Catalog, sql string) bool {
	tables := c.Tables()
	for _, t := range tables {
		name := t.LogicalName
		for i := 0; i+len(name) <= len(sql); i++ {
			if (sql[i]|0x20) != (name[0]|0x20) || i > 0 && isWordByte(sql[i-1]) {
				continue
			}
			if end := i + len(name); equalFoldASCII(sql[i:end], name) && (end == len(sql) || !isWordByte(sql[end])) {
				return true
			}
		}
	}
	return false
}

func equalFoldASCII(a, b string) bool {
	for i := range len(a) {
		x, y := a[i], b[i]
		if x >= 'A' && x <= 'Z' {
			x |= 0x20
		}
		if y >= 'A' && y <= 'Z' {
			y |= 0x20
		}
		if x != y {
			return false
		}
	}
	return true
}
