package planner

import (
	"database/sql"
	"database/sql/driver"
	"reflect"
	"sync"
	"time"

	"gorm.io/gorm/clause"
)

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
		// GORM writes an empty list for an empty byte string, unless it is a []byte.
		if _, bytes := v.([]byte); rv.Type().Elem().Kind() == reflect.Uint8 && (bytes || rv.Len() > 0) {
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
	if _, ok := e.(selfContained); ok {
		return opaque{closed: true}
	}
	return opaque{}
}

// selfContained is an expression that marks itself as one condition: it has no OR of its own
// outside brackets, so that what stands beside it with AND still prunes.
type selfContained interface{ SelfContained() }

func transparents(exprs []clause.Expression) []clause.Expression {
	out := make([]clause.Expression, len(exprs))
	for i, e := range exprs {
		out[i] = transparent(e)
	}
	return out
}

// opaque stands for an expression that only the engine understands.
type opaque struct{ closed bool }

// Build leaves a mark.
func (o opaque) Build(b clause.Builder) {
	r, ok := b.(*renderer)
	if !ok {
		return
	}
	if !o.closed {
		r.opaque()
		return
	}
	r.text = append(r.text, '(')
	r.opaque()
	r.text = append(r.text, ')')
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
