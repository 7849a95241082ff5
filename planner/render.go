package planner

import (
	"database/sql"
	"database/sql/driver"
	"reflect"
	"strings"
	"sync"
	"time"

	"gorm.io/gorm/clause"
	"gorm.io/gorm/schema"

	"github.com/go-dtde/dtde/config"
)

// column is what a column name stands for.
type column struct {
	// dim is its position among the analysed columns, or -1.
	dim int
	// known tells that the name was read; otherwise it could be any column.
	known bool
}

// renderer is the clause.Builder that GORM's own clause types write themselves into:
// text, with marks where values and quoted columns stand. So every quirk of how GORM
// joins, negates and parenthesises conditions is GORM's own.
type renderer struct {
	scope  *scope
	text   []byte
	marks  []mark
	values []any
	cols   []column
	// fault tells that something was written whose extent in the text is not certain.
	fault string
}

var _ clause.Builder = (*renderer)(nil)

// scope is what names are resolved against.
type scope struct {
	primary string // column that clause.PrimaryKey stands for
	alias   string
	schema  string // namespace that may stand before the alias
	fields  *schema.Schema
	dialect Dialect
	columns []*config.KeyColumn // the analysed columns: the keys, then perhaps the primary key
	keys    int                 // how many of them are shard key columns
}

func (r *renderer) WriteByte(c byte) error { r.text = append(r.text, c); return nil }

func (r *renderer) WriteString(s string) (int, error) {
	r.text = append(r.text, s...)
	return len(s), nil
}

func (r *renderer) AddError(err error) error { r.fault = "the condition reports an error"; return err }

func (r *renderer) mark(kind tokenKind, at int) {
	r.marks = append(r.marks, mark{pos: int32(len(r.text)), kind: kind, at: int32(at)})
}

func (r *renderer) opaque() { r.mark(tokOpaque, 0) }

// WriteQuoted does what gorm.Statement.QuoteTo does, as far as columns go.
func (r *renderer) WriteQuoted(field any) {
	switch v := field.(type) {
	case clause.Column:
		r.column(v)
	case []clause.Column:
		r.text = append(r.text, '(')
		for i, c := range v {
			if i > 0 {
				r.text = append(r.text, ',')
			}
			r.column(c)
		}
		r.text = append(r.text, ')')
	case []string:
		r.text = append(r.text, '(')
		for i, c := range v {
			if i > 0 {
				r.text = append(r.text, ',')
			}
			r.column(clause.Column{Name: c})
		}
		r.text = append(r.text, ')')
	case string:
		r.column(clause.Column{Name: v})
	case clause.Expr:
		v.Build(r)
	default:
		r.opaque()
	}
}

func (r *renderer) column(c clause.Column) {
	if c.Raw && c.Alias == "" && c.Name != clause.PrimaryKey {
		if c.Table == clause.CurrentTable {
			c.Table = r.scope.alias
		}
		if c.Table != "" {
			r.text = append(append(r.text, c.Table...), '.')
		}
		r.text = append(r.text, c.Name...)
		return
	}
	col := r.scope.resolveColumn(c)
	if !col.known {
		r.opaque()
		return
	}
	r.mark(tokColumn, len(r.cols))
	r.cols = append(r.cols, col)
}

// AddVar does what gorm.Statement.AddVar does.
func (r *renderer) AddVar(w clause.Writer, vars ...any) {
	for i, v := range vars {
		if i > 0 {
			r.text = append(r.text, ',')
		}
		r.value(v)
	}
}

func (r *renderer) value(v any) {
	switch v := v.(type) {
	case nil, string, int, int64, uint, uint64, int32, uint32, time.Time, bool, []byte:
		r.bind(v)
		return
	case sql.NamedArg:
		// It gets a value without a place in the text: a placeholder written by hand
		// could refer to it.
		r.fault = "more arguments than placeholders"
		return
	case clause.Column:
		r.column(v)
		return
	case clause.Table, clause.Interface:
		r.opaque()
		return
	}
	if gormValuer(v) {
		r.opaque()
		return
	}
	switch v := v.(type) {
	case clause.Expression:
		r.expression(v)
		return
	case driver.Valuer:
		r.bind(v)
		return
	case []any:
		r.list(reflect.ValueOf(v))
		return
	}
	rv := reflect.ValueOf(v)
	switch rv.Kind() {
	case reflect.Slice, reflect.Array:
		if rv.Type().Elem().Kind() == reflect.Uint8 {
			if rv.Type().Elem() != reflect.TypeFor[uint8]() {
				r.opaque()
				return
			}
			r.bind(v)
			return
		}
		r.list(rv)
		return
	case reflect.Pointer:
		if k := rv.Type().Elem().Kind(); k != reflect.Struct && k != reflect.Interface && k != reflect.Pointer || plainStruct(rv.Type().Elem()) {
			r.bind(v)
			return
		}
	case reflect.Struct:
		if plainStruct(rv.Type()) {
			r.bind(v)
			return
		}
	case reflect.Func, reflect.Chan, reflect.Map, reflect.Interface, reflect.Invalid, reflect.UnsafePointer:
	default:
		r.bind(v)
		return
	}
	// A subquery, or something only GORM knows how to write.
	r.opaque()
}

// plainStruct tells a struct that reaches the driver as one value. *gorm.DB, and
// whatever embeds it, is written as a subquery.
func plainStruct(t reflect.Type) bool { return t.ConvertibleTo(reflect.TypeFor[time.Time]()) }

func (r *renderer) list(rv reflect.Value) {
	if rv.Len() == 0 {
		r.text = append(r.text, "(NULL)"...)
		return
	}
	r.text = append(r.text, '(')
	for i := range rv.Len() {
		if i > 0 {
			r.text = append(r.text, ',')
		}
		r.value(rv.Index(i).Interface())
	}
	r.text = append(r.text, ')')
}

func (r *renderer) bind(v any) {
	r.mark(tokValue, len(r.values))
	r.values = append(r.values, v)
}

// expression writes an expression that stands for a value.
func (r *renderer) expression(e clause.Expression) { transparent(e).Build(r) }

// where writes the expressions of a WHERE clause.
func (r *renderer) where(exprs []clause.Expression) {
	clause.Where{Exprs: transparents(exprs)}.Build(r)
}

// transparent gives the expression with everything in it that may not be written
// into a foreign builder replaced by a mark. It copies what it changes: Where.Build
// swaps expressions in place.
func transparent(e clause.Expression) clause.Expression {
	switch e := e.(type) {
	case clause.Expr, clause.NamedExpr, clause.Eq, clause.Neq, clause.Gt, clause.Gte, clause.Lt, clause.Lte, clause.Like, clause.IN:
		return e
	case clause.AndConditions:
		return clause.AndConditions{Exprs: transparents(e.Exprs)}
	case clause.OrConditions:
		return clause.OrConditions{Exprs: transparents(e.Exprs)}
	case clause.NotConditions:
		return clause.NotConditions{Exprs: transparents(e.Exprs)}
	case clause.Where:
		return clause.Where{Exprs: transparents(e.Exprs)}
	}
	if _, ok := e.(clause.NegationExpressionBuilder); ok {
		return negatableOpaque{}
	}
	return opaque{}
}

func transparents(exprs []clause.Expression) []clause.Expression {
	out := make([]clause.Expression, len(exprs))
	for i, e := range exprs {
		out[i] = transparent(e)
	}
	return out
}

// opaque stands for an expression that only the engine understands.
type opaque struct{}

// Build leaves a mark.
func (opaque) Build(b clause.Builder) {
	if r, ok := b.(*renderer); ok {
		r.opaque()
	}
}

// negatableOpaque is an opaque expression that negates itself.
type negatableOpaque struct{ opaque }

// NegationBuild leaves a mark.
func (o negatableOpaque) NegationBuild(b clause.Builder) { o.Build(b) }

// gormValuers remembers by type whether a value has a GormValue method, which GORM
// calls to get an expression. The interface itself cannot be named without gorm.
var gormValuers sync.Map

func gormValuer(v any) bool {
	t := reflect.TypeOf(v)
	if known, ok := gormValuers.Load(t); ok {
		return known.(bool)
	}
	_, has := t.MethodByName("GormValue")
	gormValuers.Store(t, has)
	return has
}

// resolveColumn finds what a column that GORM quotes stands for.
func (s *scope) resolveColumn(c clause.Column) column {
	if c.Alias != "" || c.Raw {
		return column{}
	}
	name := c.Name
	if name == clause.PrimaryKey {
		if name = s.primary; name == "" {
			return column{}
		}
	}
	if simpleName(name) && (c.Table == "" || c.Table == clause.CurrentTable || simpleName(c.Table)) {
		if c.Table == clause.CurrentTable {
			c.Table = ""
		}
		return s.resolveName("", c.Table, name, true)
	}
	parts, ok := splitName(name, s.dialect)
	if !ok {
		return column{}
	}
	if c.Table != "" && c.Table != clause.CurrentTable {
		table, ok := splitName(c.Table, s.dialect)
		if !ok {
			return column{}
		}
		parts = append(table, parts...)
	} else if c.Table == clause.CurrentTable && len(parts) > 1 {
		return column{}
	}
	switch len(parts) {
	case 1:
		return s.resolveName("", "", parts[0], true)
	case 2:
		return s.resolveName("", parts[0], parts[1], true)
	case 3:
		return s.resolveName(parts[0], parts[1], parts[2], true)
	}
	return column{}
}

// simpleName tells a name without dots and quotes, as nearly all are.
func simpleName(name string) bool {
	for i := range len(name) {
		if !isWordByte(name[i]) {
			return false
		}
	}
	return name != ""
}

// splitName splits a name as the dialectors' QuoteTo does: at dots, and parts that
// are quoted already are left as they are. ok is false for anything unusual.
func splitName(name string, d Dialect) ([]string, bool) {
	parts := make([]string, 0, 3)
	for {
		part, rest, more := strings.Cut(name, ".")
		if quote := nameQuote(d); quote != 0 && len(part) > 2 && part[0] == quote && part[len(part)-1] == quote {
			part = part[1 : len(part)-1]
		}
		if part == "" || strings.ContainsAny(part, "`\"[]'\\\x00") {
			return nil, false
		}
		if parts = append(parts, part); !more {
			return parts, len(parts) <= 3
		}
		name = rest
	}
}

// nameQuote is the quote that a dialector's QuoteTo accepts in a name, or 0.
func nameQuote(d Dialect) byte {
	switch d.Name {
	case "sqlite", "mysql":
		return '`'
	case "postgres":
		return '"'
	}
	return 0
}

// resolveName finds what a name stands for; quoted tells that it is taken literally.
func (s *scope) resolveName(schema, table, name string, quoted bool) column {
	if schema != "" && (s.schema == "" || !s.sameTable(schema, s.schema, quoted)) {
		return column{dim: -1, known: true}
	}
	if table != "" && !s.sameTable(table, s.alias, quoted) {
		return column{dim: -1, known: true}
	}
	for i, k := range s.columns {
		if s.sameName(name, k.Column, quoted) {
			if !quoted && table == "" && niladic(strings.ToLower(name)) {
				return column{}
			}
			return column{dim: i, known: true}
		}
	}
	return column{dim: -1, known: true}
}

// sameName compares a column's name in the text with a real one by the engine's rules.
func (s *scope) sameName(name, real string, quoted bool) bool {
	switch s.dialect.Name {
	case "postgres":
		if !quoted {
			return foldASCII(name) == real
		}
	case "sqlite", "mysql":
		return name == real || foldASCII(name) == foldASCII(real)
	}
	return name == real
}

// sameTable does the same for a table, whose names MySQL tells apart by case on some systems.
func (s *scope) sameTable(name, real string, quoted bool) bool {
	if s.dialect.mysql() {
		return name == real
	}
	return s.sameName(name, real, quoted)
}

func foldASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			return lowerASCII(s)
		}
	}
	return s
}

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
